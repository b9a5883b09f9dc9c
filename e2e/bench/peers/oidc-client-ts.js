// https://authts.github.io/oidc-client-ts/: sessions in localStorage, and no
// timer that would renew at a time of its own.
import { User, UserManager, WebStorageStateStore } from "oidc-client-ts";

export function open(name) {
  const manager = new UserManager({
    authority: location.origin, client_id: "demo", redirect_uri: location.origin, automaticSilentRenew: false,
    metadata: { issuer: location.origin, token_endpoint: `${location.origin}/token` },
    userStore: new WebStorageStateStore({ store: localStorage, prefix: name }),
  });
  return {
    async getAccessToken() {
      let user = await manager.getUser();
      if (!user || user.expired) user = await manager.signinSilent();
      return user?.access_token;
    },
    signIn: (answer) => manager.storeUser(new User({ ...answer, profile: { sub: "u1" }, expires_at: Math.floor(Date.now() / 1000) + answer.expires_in })),
  };
}
