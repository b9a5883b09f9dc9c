/**
 * The formats in which other clients keep their session in localStorage, for
 * the option `format` of `open`.
 *
 * @see [Which client, and what to switch off in it](https://github.com/onerefresh/onerefresh/blob/main/docs/formats.md)
 * @packageDocumentation
 */

import type { Format } from "./index.js";

/**
 * The JSON text of a token response, with a member `expires_at` in seconds since
 * 1970, or in milliseconds where there was one. Without that a token that other
 * code has put there counts as stale.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function rfc6749(options: { key: string }): Format;

/**
 * `activeLogin` of `@medplum/core`, and the copies in `logins`.
 *
 * @param options.prefix `storagePrefix` of MedplumClient.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function medplum(options?: { prefix?: string }): Format;

/**
 * The user of `oidc-client-ts`, with localStorage as its `userStore`.
 *
 * @param options.prefix That of WebStorageStateStore. The default is `"oidc."`.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function oidcClientTs(options: { authority: string; client_id: string; prefix?: string }): Format;

/**
 * The session of `@supabase/auth-js`.
 *
 * @param options.url Of the project, as given to `createClient`.
 * @param options.storageKey `auth.storageKey`, if it was given to `createClient`.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function supabase(options: { url: string; storageKey?: undefined } | { url?: undefined; storageKey: string }): Format;

/**
 * An entry of the cache of `@auth0/auth0-spa-js`, with `cacheLocation:
 * "localstorage"` and `useRefreshTokens: true`.
 *
 * @param options.audience The default is `"default"`, for none.
 * @param options.scope As in the key of the entry. The default is
 * `"openid profile email offline_access"`.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function auth0(options: { clientId: string; audience?: string; scope?: string }): Format;

/**
 * What applications keep of `keycloak-js`, which keeps nothing itself: `token`,
 * `refreshToken` and `idToken`, in JSON text.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export function keycloak(options: { key: string }): Format;
