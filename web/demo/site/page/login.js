// Authorization code with PKCE, by redirect.
// See https://www.rfc-editor.org/rfc/rfc7636#section-4.

import { ask } from "./storm.js";

const pending = "demo:login"; // in sessionStorage, from the redirect to the return

const redirectURI = () => new URL("/", location.href).href;

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Leaves for the login page. */
export async function begin(mode) {
  if (!isSecureContext) throw new Error("PKCE needs a secure context; open this page on localhost or over https");
  const [verifier, state] = [random(), random()];
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  sessionStorage.setItem(pending, JSON.stringify({ mode, verifier, state }));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "demo",
    redirect_uri: redirectURI(),
    state,
    code_challenge: base64url(digest),
    code_challenge_method: "S256",
  });
  location.assign(`/authorize?${query}`);
}

/**
 * Resolves with the mode and the token response if this page is the return
 * from the login page.
 * @returns {Promise<{mode: string, response: object} | undefined>}
 */
export async function finish() {
  const answer = new URLSearchParams(location.search);
  if (!answer.has("state")) return undefined;
  const { mode, verifier, state } = JSON.parse(sessionStorage.getItem(pending)) ?? {};
  sessionStorage.removeItem(pending);
  history.replaceState(null, "", "/"); // a reload must not redeem the code again
  if (!state || answer.get("state") !== state) throw new Error("the answer of the login page is not to this page's question");
  if (answer.has("error")) throw new Error(answer.get("error"));
  const response = await ask("/token", {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: "demo",
      redirect_uri: redirectURI(),
      code: answer.get("code"),
      code_verifier: verifier,
    }),
  });
  return { mode, response };
}
