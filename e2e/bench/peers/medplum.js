// https://www.medplum.com/docs/sdk/core.medplumclient
import { ClientStorage, MedplumClient } from "@medplum/core";

export const inMemory = true; // the session: a client does not come to know another one

export function open(name) {
  const client = new MedplumClient({ baseUrl: `${location.origin}/medplum/`, clientId: "demo", storagePrefix: name });
  return {
    async getAccessToken() {
      await client.refreshIfExpired();
      return client.getAccessToken();
    },
    settled: () => client.getProfileAsync(), // which it asks for when it is made
  };
}

// What setActiveLogin stores. That would also ask for the profile, and with a
// token that has expired refresh it. And a client reloads its page when the
// session ends, which must not be the one that runs the storms.
export const signIn = (name, { access_token, refresh_token }) => new ClientStorage(undefined, name).setObject("activeLogin", {
  accessToken: access_token, refreshToken: refresh_token, project: { reference: "Project/1" }, profile: { reference: "Practitioner/u1" },
});
