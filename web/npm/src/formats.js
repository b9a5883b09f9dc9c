// How the clients that people have keep their session in localStorage. Each of
// these only converts: Go decides when, and what is written.

/** Returns the claims of a JWT, or none. */
function claims(jwt) {
  try {
    const bytes = Uint8Array.from(atob(jwt.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

const ms = (seconds) => (Number.isFinite(seconds) && seconds >= 0 ? 1000 * seconds : undefined);
const seconds = (ms) => (ms === undefined ? undefined : Math.floor(ms / 1000));
const lifetime = ({ received_at, expires_at }) => seconds(received_at === undefined ? undefined : expires_at - received_at);

/** Returns obj without the members that are undefined, so that they do not replace others. */
const given = (obj) => Object.fromEntries(Object.entries(obj).filter(([, value]) => value !== undefined));

const parse = (text) => {
  const value = JSON.parse(text);
  if (value !== null && (typeof value !== "object" || Array.isArray(value))) throw new TypeError("not an object");
  return value;
};

/** Returns what both have: a record that is read if there is a token in it, and the text of one that is written. */
const format = (key, read, write, beside) => ({
  key,
  read(text) {
    const value = parse(text);
    const record = value && read(value);
    return record?.access_token || record?.refresh_token ? record : null;
  },
  write: (record, text) => JSON.stringify(write(record, (text && parse(text)) || {})),
  ...(beside && { beside }),
});

/** The token response of RFC 6749, as it came, or with an expires_at in seconds or milliseconds. */
export function rfc6749({ key }) {
  const inMilliseconds = (at) => at > 1e11;
  return format(
    key,
    ({ access_token, refresh_token, token_type, scope, id_token, expires_at }) =>
      ({ access_token, refresh_token, token_type, scope, id_token, expires_at: inMilliseconds(expires_at) ? expires_at : ms(expires_at) }),
    ({ received_at, expires_at, ...response }, old) => ({
      ...old,
      ...response,
      ...given({ expires_in: lifetime({ received_at, expires_at }), expires_at: inMilliseconds(old.expires_at) ? expires_at : seconds(expires_at) }),
    }),
  );
}

/** @medplum/core: activeLogin, and the copies in logins for switching accounts. */
export function medplum({ prefix = "" } = {}) {
  const login = ({ access_token, refresh_token, project, profile }, old) =>
    ({ ...old, ...given({ accessToken: access_token, refreshToken: refresh_token, project, profile }) });
  return format(
    prefix + "activeLogin",
    ({ accessToken, refreshToken }) =>
      ({ access_token: accessToken, refresh_token: refreshToken, expires_at: ms(claims(accessToken).exp) }),
    login,
    {
      [prefix + "logins"]: (record, text) =>
        record && text && JSON.stringify(JSON.parse(text).map((old) =>
          record.profile?.reference && old.profile?.reference === record.profile.reference ? login(record, old) : old)),
    },
  );
}

// https://openid.net/specs/openid-connect-core-1_0.html#IDToken: those that say nothing of the user.
const protocolClaims = ["nbf", "jti", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash"];
const profileOf = (id_token) => Object.fromEntries(Object.entries(claims(id_token)).filter(([name]) => !protocolClaims.includes(name)));

/** oidc-client-ts, with localStorage as its userStore. */
export function oidcClientTs({ authority, client_id, prefix = "oidc." }) {
  return format(
    `${prefix}user:${authority}:${client_id}`,
    ({ access_token, refresh_token, token_type, scope, id_token, expires_at }) =>
      ({ access_token, refresh_token, token_type, scope, id_token, expires_at: ms(expires_at) }),
    ({ access_token, refresh_token, token_type, scope, id_token, session_state, expires_at }, old) => ({
      session_state: null,
      profile: profileOf(id_token),
      ...old,
      ...given({ access_token, refresh_token, token_type, scope, id_token, session_state, expires_at: seconds(expires_at) }),
    }),
  );
}

/** @supabase/auth-js, and supabase-js with the URL of the project. */
export function supabase({ url, storageKey = `sb-${new URL(url).hostname.split(".")[0]}-auth-token` }) {
  return format(
    storageKey,
    ({ access_token, refresh_token, token_type, expires_at }) => ({ access_token, refresh_token, token_type, expires_at: ms(expires_at) }),
    ({ access_token, refresh_token, token_type = "bearer", user, provider_token, provider_refresh_token, received_at, expires_at }, old) => ({
      ...old,
      ...given({ access_token, refresh_token, token_type, user, provider_token, provider_refresh_token,
        expires_in: lifetime({ received_at, expires_at }), expires_at: seconds(expires_at) }),
    }),
    { [storageKey + "-user"]: (record, text) => record && text },
  );
}

/** auth0-spa-js with cacheLocation localstorage: one audience and scope. */
export function auth0({ clientId, audience = "default", scope = "openid profile email offline_access" }) {
  const prefix = "@@auth0spajs@@";
  const user = (id_token) => {
    const { __raw, ...of } = { ...profileOf(id_token) };
    for (const name of ["iss", "aud", "exp", "iat"]) delete of[name];
    return of;
  };
  return format(
    [prefix, clientId, audience, scope].filter(Boolean).join("::"),
    ({ body, expiresAt }) =>
      body && { access_token: body.access_token, refresh_token: body.refresh_token, token_type: body.token_type, expires_at: ms(expiresAt) },
    ({ access_token, refresh_token, token_type, received_at, expires_at, scope: granted }, { body, expiresAt, ...old }) => ({
      ...old,
      body: {
        client_id: clientId, audience, scope,
        ...body,
        ...given({ access_token, refresh_token, token_type, expires_in: lifetime({ received_at, expires_at }), oauthTokenScope: granted }),
      },
      expiresAt: seconds(expires_at) ?? expiresAt,
    }),
    {
      [`${prefix}::${clientId}::@@user@@`](record, text) {
        if (!record) return null;
        const { id_token } = record;
        if (!id_token) return text;
        const old = text ? JSON.parse(text) : {};
        if (id_token === old.id_token) return text;
        const [header, payload, signature] = id_token.split(".");
        return JSON.stringify({ ...old, id_token, decodedToken: {
          ...old.decodedToken, encoded: { header, payload, signature }, claims: { __raw: id_token, ...claims(id_token) }, user: user(id_token) } });
      },
    },
  );
}

/** What applications keep of keycloak-js, which keeps nothing itself: options of its init. */
export function keycloak({ key }) {
  return format(
    key,
    ({ token, refreshToken, idToken }) =>
      ({ access_token: token, refresh_token: refreshToken, id_token: idToken, expires_at: ms(claims(token).exp) }),
    ({ access_token, refresh_token, id_token }, old) =>
      ({ ...old, ...given({ token: access_token, refreshToken: refresh_token, idToken: id_token }) }),
  );
}
