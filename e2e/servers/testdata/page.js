// A page that signs in at an authorization server of another origin, and shares
// the session with the other tabs by onerefresh or by the published pattern.
import { open, storageKey } from "/clients.js";

const json = async (url, init) => {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
};

const { issuer, mode, provider } = await json("/settings.json");
const metadata = await json(`${issuer}/.well-known/openid-configuration`);
const clientId = "spa";
const redirectUri = `${location.origin}/callback`;

const client = await open(mode, "visit", {
  tokenEndpoint: metadata.token_endpoint, revocationEndpoint: metadata.revocation_endpoint, clientId,
  ...(mode === "onerefresh" && {
    provider, origins: [issuer], exchangeTimeout: 120_000, lockTimeout: 120_000 }), // no test waits for these by accident
});

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Leaves for the login page. See https://www.rfc-editor.org/rfc/rfc7636#section-4. */
async function leave(user) {
  tab.arrived = false;
  const [verifier, state] = [random(), random()];
  sessionStorage.setItem("login", JSON.stringify({ verifier, state }));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  location.assign(`${metadata.authorization_endpoint}?${new URLSearchParams({
    response_type: "code", client_id: clientId, redirect_uri: redirectUri, scope: "openid offline_access", prompt: "login consent",
    login_hint: user, state, code_challenge: base64url(digest), code_challenge_method: "S256" })}`);
}

/** Resolves with the token response if this page is the return from the login page. */
async function redeem() {
  if (location.pathname !== "/callback") return undefined;
  const answer = new URLSearchParams(location.search);
  const { verifier, state } = JSON.parse(sessionStorage.getItem("login"));
  if (answer.get("state") !== state || answer.has("error")) throw new Error(location.search);
  history.replaceState(null, "", "/tab"); // a reload must not redeem the code again
  return json(metadata.token_endpoint, { method: "POST", body: new URLSearchParams({
    grant_type: "authorization_code", client_id: clientId, redirect_uri: redirectUri, code: answer.get("code"), code_verifier: verifier }) });
}

const outcome = (promise) => promise.then(
  (token) => ({ token }), ({ code, message, ended }) => ({ error: code ?? message, ended }));

const response = await redeem();
if (response) await client.signIn(response);

window.tab = {
  leave,
  /** Whether this page has come back from the login page. */
  arrived: Boolean(response),
  /** Whether this tab's view of storage has a text. */
  sees: (text) => localStorage.getItem(storageKey(mode, "visit"))?.includes(text),
  token: () => outcome(client.getAccessToken()),
  /** Resolves with the user, whom the server tells whoever has an access token. */
  user: async () => (await client.fetch(metadata.userinfo_endpoint)).json().then(({ sub }) => sub),
  signOut: () => client.signOut(),
};
