import { open } from "onerefresh";

export const session = await open({
  name: "my app", // one name for each server, client and account
  tokenEndpoint: "/token",
  clientId: "spa",
});
session.addEventListener("signedout", () => location.assign("/login")); // here, or in another tab

/** The end of your login: hand over what the token endpoint has answered. */
export async function finishLogin(grant: URLSearchParams) {
  const response = await fetch("/token", { method: "POST", body: grant });
  if (!response.ok) throw new Error(`the token endpoint says ${response.status}`);
  await session.signIn(await response.json());
}

/** All that is left to do: session.fetch in the place of fetch. */
export async function patients() {
  const response = await session.fetch("/api/patients"); // refreshes when it has to, in one tab
  return response.json();
}
