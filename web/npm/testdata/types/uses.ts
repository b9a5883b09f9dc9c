// What users write, and what must not compile. See TestTypes.
import { OneRefreshError, open, type ErrorCode, type Options, type Session, type TokenResponse } from "onerefresh";

const common = { name: "s", expiryMargin: 30, origins: ["https://api.example", new URL("https://b.example")] as const };

const endpoint: Options = { ...common, tokenEndpoint: new URL("https://as.example/token"), clientId: "spa", scope: "openid", provider: "okta" };
const callback: Options = {
  name: "s",
  refresh: async (refreshToken, { signal }) => {
    const response = await fetch("/token", { method: "POST", body: refreshToken, signal });
    return (await response.json()) as TokenResponse;
  },
};

export async function uses(tokens: TokenResponse): Promise<string> {
  const session: Session = await open(endpoint);
  await open(callback);
  await open({ name: "s", tokenEndpoint: "/token", clientId: "c", wasmURL: "/onerefresh.wasm", wasmIntegrity: "sha384-…" });
  await session.signIn(tokens);
  await session.signIn({ access_token: "a", expires_in: 60, refresh_token: "r", fhirUser: "Practitioner/1" });

  session.addEventListener("signedout", (event) => {
    const generation: number = event.detail.generation;
    const code: ErrorCode | undefined = event.detail.code;
    console.log(generation, code);
  });
  session.addEventListener("adopted", function () {
    this.close();
  });
  session.addEventListener("refreshed", { handleEvent: (event) => console.log(event.detail.generation) });
  const any: EventTarget = session;
  any.dispatchEvent(new Event("refreshed"));

  const status: number = (await session.fetch("/api", { method: "POST", body: "{}" })).status;
  const way: "web-locks" | "tab" = session.coordination;
  try {
    return await session.getAccessToken({ signal: AbortSignal.timeout(1000), forceRefresh: status === 401 });
  } catch (error) {
    if (error instanceof OneRefreshError) {
      const again: number | undefined = error.retryAfter;
      switch (error.code) {
        case "session_ended":
          return `${error.ended?.error} ${error.ended?.answer_lost} ${again}`;
        case "signed_out":
          return way;
        // @ts-expect-error no such code
        case "logged_out":
      }
    }
    throw error;
  } finally {
    await session.signOut();
    session.close();
  }
}

export async function misuses(session: Session): Promise<void> {
  // @ts-expect-error no name
  await open({ tokenEndpoint: "/token", clientId: "c" });
  // @ts-expect-error no clientId
  await open({ name: "s", tokenEndpoint: "/token" });
  // @ts-expect-error both ways
  await open({ name: "s", tokenEndpoint: "/token", clientId: "c", refresh: async () => ({ access_token: "a", expires_in: 60 }) });
  // @ts-expect-error neither
  await open({ name: "s" });
  // @ts-expect-error an option that is not there
  await open({ name: "s", tokenEndpoint: "/token", clientId: "c", clientSecret: "…" });
  // @ts-expect-error a provider that is not known
  await open({ name: "s", tokenEndpoint: "/token", clientId: "c", provider: "myspace" });
  // @ts-expect-error a duration that is a text
  await open({ name: "s", tokenEndpoint: "/token", clientId: "c", lockTimeout: "30s" });
  // @ts-expect-error a refresh without a token
  await open({ name: "s", refresh: async () => ({ expires_in: 60 }) });
  // @ts-expect-error no expires_in
  await session.signIn({ access_token: "a" });
  // @ts-expect-error a promise is not a token
  const token: string = session.getAccessToken();
  // @ts-expect-error it cannot be set
  session.signedIn = false;
  // @ts-expect-error an event has no token
  session.addEventListener("refreshed", (event) => event.detail.accessToken);
  // @ts-expect-error nobody makes one
  new OneRefreshError("closed", "…");
  console.log(token);
}
