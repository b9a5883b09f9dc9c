// A page of an application that has one of the clients, and onerefresh beside
// it with the format of that client.
import { Auth0Client } from "@auth0/auth0-spa-js";
import { MedplumClient } from "@medplum/core";
import { GoTrueClient } from "@supabase/auth-js";
import Keycloak from "keycloak-js";
import { User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import * as formats from "/dist/formats.js";
import { open } from "/dist/index.js";

const { origin } = location;
const clientId = "demo";
const redirectURI = `${origin}/client`;

// What each client is, and how it is kept from refreshing by itself.
const kinds = {
  medplum() {
    const client = new MedplumClient({
      baseUrl: origin, clientId, authorizeUrl: `${origin}/authorize`, tokenUrl: `${origin}/client/token`,
      refreshGracePeriod: -Infinity,
      fetch: (url, init) => {
        const headers = new Headers(init?.headers);
        if (!headers.has("Authorization")) return fetch(url, init); // a login
        headers.delete("Authorization");
        return session.fetch(url, { ...init, headers });
      },
    });
    return {
      format: formats.medplum(),
      login: () => client.signInWithRedirect({ redirectUri: redirectURI }),
      returned: async () => {
        await client.processCode(new URLSearchParams(location.search).get("code"), { redirectUri: redirectURI });
        await client.getProfileAsync();
      },
      tokens: async () => {
        const login = client.getActiveLogin();
        return login && { access: client.getAccessToken(), refresh: login.refreshToken, user: login.profile.reference };
      },
      refresh: () => client.refreshIfExpired(Infinity),
      signOut: () => client.clear(),
    };
  },

  oidc() {
    const settings = { authority: origin, client_id: clientId };
    const manager = new UserManager({
      ...settings, redirect_uri: redirectURI, scope: "openid profile", automaticSilentRenew: false,
      userStore: new WebStorageStateStore({ store: localStorage }),
      metadata: { issuer: origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/client/token` } });
    return {
      format: formats.oidcClientTs(settings),
      login: () => manager.signinRedirect(),
      store: ({ expires_in, ...response }) =>
        manager.storeUser(new User({ ...response, profile: { sub: "ada" }, expires_at: Math.floor(Date.now() / 1000) + expires_in })),
      // The remedy that everybody publishes, with the client's own storage.
      published: (rejected) =>
        navigator.locks.request("published", async () => {
          const user = await manager.getUser();
          if (!user.expired && user.access_token !== rejected) return user.access_token;
          const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token: user.refresh_token, client_id: clientId });
          const response = await fetch("/token", { method: "POST", body });
          if (!response.ok) throw new Error((await response.json()).error);
          const answer = await response.json();
          await manager.storeUser(new User({ ...user, ...answer, expires_at: Math.floor(Date.now() / 1000) + answer.expires_in }));
          return answer.access_token;
        }),
      returned: () => manager.signinCallback(),
      tokens: async () => {
        const user = await manager.getUser();
        return user && { access: user.access_token, refresh: user.refresh_token, user: user.profile.sub, expired: user.expired };
      },
      refresh: () => manager.signinSilent(),
      signOut: () => manager.removeUser(),
    };
  },

  supabase() {
    const storageKey = "sb-demo-auth-token";
    const client = new GoTrueClient({
      url: `${origin}/supabase`, storageKey, headers: { apikey: "demo" }, autoRefreshToken: false, detectSessionInUrl: false });
    return {
      format: formats.supabase({ storageKey }),
      // GoTrue has a dialect of its own.
      options: {
        tokenEndpoint: undefined, clientId: undefined, provider: "supabase",
        refresh: async (refresh_token, { signal }) => {
          const response = await fetch(`${origin}/supabase/token?grant_type=refresh_token`, {
            method: "POST", headers: { apikey: "demo", "Content-Type": "application/json" }, body: JSON.stringify({ refresh_token }), signal });
          const answer = await response.json();
          if (!response.ok) throw { status: response.status, error: answer.error_code };
          return answer;
        },
      },
      login: async () => {
        const { error } = await client.signInWithPassword({ email: "ada@example.com", password: "secret" });
        if (error) throw error;
      },
      tokens: async () => {
        const { session } = (await client.getSession()).data;
        return session && { access: session.access_token, refresh: session.refresh_token, user: session.user.id };
      },
      refresh: async () => {
        const { error } = await client.refreshSession();
        if (error) throw error;
      },
      signOut: () => client.signOut({ scope: "local" }),
    };
  },

  auth0() {
    const client = new Auth0Client({
      domain: origin, clientId, cacheLocation: "localstorage", useRefreshTokens: true, authorizationParams: { redirect_uri: redirectURI } });
    return {
      format: formats.auth0({ clientId }),
      login: () => client.loginWithRedirect(),
      returned: () => client.handleRedirectCallback(),
      tokens: async () => {
        const user = await client.getUser();
        const access = await client.getTokenSilently({ cacheMode: "cache-only" });
        return user && { access, refresh: JSON.parse(localStorage[formats.auth0({ clientId }).key]).body.refresh_token, user: user.sub };
      },
      refresh: () => client.getTokenSilently({ cacheMode: "off" }),
      signOut: () => client.logout({ openUrl: false }),
    };
  },

  // It keeps its tokens in memory. The application stores what init can start
  // from, and keeps the client up to date.
  keycloak() {
    const key = "app.keycloak";
    const make = () => new Keycloak({ url: origin, realm: "demo", clientId });
    const save = ({ token, refreshToken, idToken }) => localStorage.setItem(key, JSON.stringify({ token, refreshToken, idToken }));
    const options = { checkLoginIframe: false, responseMode: "query", redirectUri: redirectURI };
    let client = make();
    return {
      format: formats.keycloak({ key }),
      options: { tokenEndpoint: "/realms/demo/protocol/openid-connect/token" },
      login: () => make().init({ ...options, onLoad: "login-required" }),
      returned: async () => {
        await client.init(options);
        save(client);
      },
      follow: async (session) => {
        client.token = await session.getAccessToken();
        client.refreshToken = undefined; // or it would refresh by itself
        client.authenticated = true;
      },
      tokens: async () => {
        const stored = JSON.parse(localStorage.getItem(key));
        return stored && { access: client.token, refresh: stored.refreshToken, user: client.authenticated && "ada" };
      },
      // To start from stored tokens, it spends the refresh token.
      refresh: async () => {
        const fresh = make();
        await fresh.init({ ...options, ...JSON.parse(localStorage.getItem(key)) });
        client = fresh;
        save(client);
      },
      signOut: () => {
        client.clearToken();
        localStorage.removeItem(key);
      },
    };
  },

  // No library: what a page does that was written by hand.
  rfc6749() {
    const key = "app.token";
    const save = (response) => localStorage.setItem(key, JSON.stringify({ ...response, expires_at: Date.now() + 1000 * response.expires_in }));
    const read = () => JSON.parse(localStorage.getItem(key));
    const ask = async (form) => {
      const response = await fetch("/client/token", { method: "POST", body: new URLSearchParams({ ...form, client_id: clientId }) });
      if (!response.ok) throw new Error(`${response.status}`);
      save({ ...read(), ...(await response.json()) });
    };
    return {
      format: formats.rfc6749({ key }),
      login: async () => save(await (await fetch("/demo/grants", { method: "POST", body: JSON.stringify({ user: "ada", expires_in: 3600 }) })).json()),
      tokens: async () => read() && { access: read().access_token, refresh: read().refresh_token, user: "ada", expired: !(read().expires_at > Date.now()) },
      refresh: () => ask({ grant_type: "refresh_token", refresh_token: read().refresh_token }),
      signOut: () => localStorage.removeItem(key),
    };
  },
};

const parameters = new URLSearchParams(location.search);
sessionStorage.kind ??= parameters.get("kind");
sessionStorage.loads = 1 + Number(sessionStorage.loads ?? 0);
const client = kinds[sessionStorage.kind]();
window.client = client;
window.events = [];

window.session = await open({
  name: "shared", tokenEndpoint: "/client/token", clientId, exchangeTimeout: 30_000, lockTimeout: 60_000,
  format: client.format, ...client.options, ...JSON.parse(parameters.get("options")) });
for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) {
  session.addEventListener(type, () => {
    events.push(type);
    if (["refreshed", "adopted", "signedin"].includes(type)) client.follow?.(session).catch(() => {});
  });
}
if (parameters.has("code")) {
  await client.returned();
  history.replaceState(null, "", "/client");
}
window.ready = true;
