import { ClientStorage, MedplumClient, MemoryStorage } from "@medplum/core";
import { api, session } from "./session";

export const medplum = new MedplumClient({
  baseUrl: api,
  // It empties its storage when a request is refused: that must not be localStorage, where the session is.
  storage: new ClientStorage(new MemoryStorage()),
  fetch: (url, init) => {
    const headers = new Headers(init?.headers);
    headers.delete("Authorization"); // session.fetch adds the present token, and after a 401 the next one
    return session.fetch(url, { ...init, headers }).catch((error) => {
      medplum.invalidateUrl(url); // it would keep this failure for a minute, however soon there is a token again
      throw error;
    });
  },
});

/** Tells the client who is signed in, for isAuthenticated and getProfile. It never gets a refresh token. */
async function follow(event?: Event) {
  const same = event?.type === "refreshed" || event?.type === "adopted";
  if (!same) medplum.clearActiveLogin(); // and what is cached for the user before
  if (!session.signedIn) return;
  medplum.setAccessToken(await session.getAccessToken());
  await medplum.getProfileAsync();
}

for (const type of ["signedin", "refreshed", "adopted", "signedout"]) {
  session.addEventListener(type, (event) => follow(event).catch(console.warn));
}
follow().catch(console.warn);
