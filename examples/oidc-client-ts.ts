import { UserManager } from "oidc-client-ts";
import { session } from "./session";

/** It signs users in, and does nothing else. */
export const login = new UserManager({
  authority: location.origin,
  client_id: "spa",
  redirect_uri: `${location.origin}/signed-in`,
  scope: "offline_access",
  automaticSilentRenew: false, // and nobody may call signinSilent
});

/** For the page at redirect_uri. */
export async function finishLogin() {
  const user = await login.signinCallback();
  if (!user) throw new Error("that was no sign-in");
  const { access_token, refresh_token, expires_in = 300, scope, id_token } = user;
  await session.signIn({ access_token, refresh_token, expires_in, scope, id_token });
  await login.removeUser(); // its copy would soon be an old one
  history.replaceState(null, "", location.pathname); // a reload must not redeem the code again
}
