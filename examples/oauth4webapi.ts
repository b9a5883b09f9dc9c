import * as oauth from "oauth4webapi";
import { open } from "onerefresh";

// Written down, and not discovered: that would take its time under the lock.
const as = {
  issuer: location.origin,
  authorization_endpoint: `${location.origin}/authorize`,
  token_endpoint: `${location.origin}/token`,
};
const client = { client_id: "spa" };
const redirectURI = `${location.origin}/callback`;

export const session = await open({
  name: "my app",
  refresh: async (refreshToken, { signal }) => {
    const response = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), refreshToken, { signal });
    return timed(await oauth.processRefreshTokenResponse(as, client, response)); // its errors say what a session has to know
  },
});

/** RFC 6749 only recommends expires_in. Without it nobody knows when to refresh: say what your server has in mind. */
const timed = (tokens: oauth.TokenEndpointResponse) => ({ ...tokens, expires_in: tokens.expires_in ?? 300 });

/** Leaves for the login page. */
export async function signIn() {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  sessionStorage.setItem("login", JSON.stringify({ verifier, state }));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: client.client_id,
    redirect_uri: redirectURI,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
  });
  location.assign(`${as.authorization_endpoint}?${query}`);
}

/** For the page at redirectURI. */
export async function finishSignIn() {
  const { verifier, state } = JSON.parse(sessionStorage.getItem("login") ?? "{}");
  sessionStorage.removeItem("login");
  const answer = oauth.validateAuthResponse(as, client, new URL(location.href), state);
  history.replaceState(null, "", location.pathname); // a reload must not redeem the code again
  const response = await oauth.authorizationCodeGrantRequest(as, client, oauth.None(), answer, redirectURI, verifier);
  await session.signIn(timed(await oauth.processAuthorizationCodeResponse(as, client, response)));
}
