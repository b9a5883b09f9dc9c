/**
 * One OAuth refresh at a time, for every tab that shares a session.
 *
 * To import it does nothing, and works on a server and in a worker too; a
 * session is opened in a page.
 *
 * @packageDocumentation
 */

/**
 * A successful answer of a token endpoint. Members that are not listed here
 * are kept with the session.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export interface TokenResponse {
  /** Must not be empty. */
  readonly access_token: string;
  /**
   * The lifetime of the access token in seconds, from now on. Not negative. With
   * a {@link Provider} that is known to leave it out, it may be missing.
   */
  readonly expires_in: number;
  /** Where it is omitted after a refresh, the one that was presented stays good. */
  readonly refresh_token?: string;
  readonly token_type?: string;
  readonly scope?: string;
  /** @see [OpenID Connect Core section 12.2](https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse) */
  readonly id_token?: string;
  readonly [member: string]: unknown;
}

/**
 * What is known of an authorization server: which of its errors end a session,
 * and how long a token lives whose answer does not say. `generic` keeps to RFC
 * 6749; what is not known of a server is taken to be the strictest.
 *
 * @see [RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 * @see [The table](https://github.com/onerefresh/onerefresh/blob/main/docs/providers.md)
 */
export type Provider = "generic" | "okta" | "auth0" | "entra" | "google" | "salesforce" | "keycloak" | "cognito" | "workos" |
  "supabase" | "medplum" | "hydra" | "duende" | "fusionauth" | "logto";

/**
 * What a session knows of its tokens. Times are in milliseconds since 1970.
 * To a format, members of the token response that are not listed here are
 * passed on, too.
 *
 * @see [RFC 6749 section 5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)
 */
export interface SessionRecord {
  readonly access_token?: string | null;
  readonly refresh_token?: string | null;
  readonly token_type?: string | null;
  readonly scope?: string | null;
  readonly id_token?: string | null;
  readonly received_at?: number | null;
  /** An access token without it counts as stale. */
  readonly expires_at?: number | null;
  readonly [member: string]: unknown;
}

/**
 * How another client keeps its session in localStorage. The functions convert,
 * and have no effects; if they throw, or what they return makes no sense, nothing is
 * refreshed, and callers get an error with code `misconfigured`.
 *
 * Those of some clients are in `onerefresh/formats`.
 *
 * @see [RFC 6749 section 1.5](https://www.rfc-editor.org/rfc/rfc6749#section-1.5)
 */
export interface Format {
  /** The default of {@link CommonOptions.storageKey}. */
  readonly key?: string;
  /** Returns the record that a text holds, or null if that is of nobody who is signed in. */
  read(text: string): SessionRecord | null | undefined;
  /**
   * Returns the text with the record in the place of what it held. What was
   * written has to be read with the same tokens. There is no text where nobody
   * was signed in, or somebody else.
   */
  write(record: SessionRecord, text: string | null): string;
  /**
   * What else the client keeps of the tokens, by its key: the functions return
   * what it is to hold, or null if it is to be removed. There is no record when
   * the user signs out.
   */
  readonly beside?: { readonly [key: string]: (record: SessionRecord | null, text: string | null) => string | null };
}

/**
 * Options of every session.
 *
 * @see [RFC 9700 section 4.14](https://www.rfc-editor.org/rfc/rfc9700#section-4.14)
 * on refresh tokens, their rotation and the detection of their reuse
 */
export interface CommonOptions {
  /**
   * The session's name. Everyone who opens the same name on the same origin
   * shares it: give each authorization server, client and account of their own
   * a name of their own.
   */
  name: string;

  /** The key in localStorage. The default is that of `format`, or `"onerefresh:" + name`. */
  storageKey?: string;

  /**
   * The format of what is stored, where another client reads and writes it, too.
   * All pages must open the session with the same one.
   *
   * @see [Which client, and what to switch off in it](https://github.com/onerefresh/onerefresh/blob/main/docs/formats.md)
   */
  format?: Format;

  /** The default is `"generic"`. */
  provider?: Provider;

  /**
   * Where refresh tokens that are no longer needed are revoked, after a
   * sign-out for one. Needs `clientId`.
   *
   * @see [RFC 7009](https://www.rfc-editor.org/rfc/rfc7009#section-2)
   */
  revocationEndpoint?: string | URL;

  /**
   * How many seconds before its expiry an access token counts as stale, though
   * never more than a quarter of its lifetime. The default is 30.
   */
  expiryMargin?: number;

  /** How many milliseconds an exchange, and with it the lock, can take. The default is 10,000. */
  exchangeTimeout?: number;

  /** How many milliseconds to wait for the lock. The default is 30,000. */
  lockTimeout?: number;

  /**
   * The origins, besides the page's own, to which {@link Session.fetch} sends
   * the access token.
   */
  origins?: readonly (string | URL)[];

  /**
   * Where `onerefresh.wasm` is. The default is next to the script. It is
   * loaded once for all sessions of a page: the first to need it says from
   * where.
   */
  wasmURL?: string | URL;

  /**
   * The hash that what is at `wasmURL` must have, such as `sha384-…`. With
   * another one it is not run.
   *
   * @see [Subresource Integrity](https://www.w3.org/TR/SRI/)
   */
  wasmIntegrity?: string;

  /** The compiled module, instead of `wasmURL`. */
  wasmModule?: WebAssembly.Module;
}

/**
 * Options of a session whose token endpoint can be reached by `fetch` from the
 * page.
 *
 * @see [RFC 6749 section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)
 */
export interface EndpointOptions extends CommonOptions {
  tokenEndpoint: string | URL;
  /** Sent as `client_id`: a page is a public client. */
  clientId: string;
  /** Sent as `scope`, if given. */
  scope?: string;
  refresh?: undefined;
}

/**
 * Options of a session that is refreshed by a function of the page.
 *
 * @see [RFC 6749 section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)
 */
export interface CallbackOptions extends CommonOptions {
  /**
   * Presents the refresh token, once, and resolves to the answer. It is never
   * called twice at a time, in whichever tab, as long as
   * {@link Session.coordination} is `"web-locks"`. It should stop when the
   * signal is aborted, and must not call the session.
   *
   * What it rejects with says what became of the refresh token: a string
   * `error` is the error code of RFC 6749 and a number `status` that of HTTP,
   * as in the errors of oauth4webapi. With neither, the outcome is unknown.
   *
   * @see [RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
   */
  refresh: (refreshToken: string, context: { signal: AbortSignal }) => Promise<TokenResponse> | TokenResponse;
  clientId?: string;
  tokenEndpoint?: undefined;
  scope?: undefined;
}

/**
 * Options of {@link open}.
 *
 * @see [RFC 6749 section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)
 */
export type Options = EndpointOptions | CallbackOptions;

/**
 * Opens the session of that name. It does not wait for the WebAssembly module,
 * which is loaded at once if the stored token is stale, and else by the first
 * call that needs it, or when the page is idle.
 *
 * @throws {@link OneRefreshError} with code `invalid_options`, whose message
 * names the option, or `misconfigured` where there is no page with localStorage:
 * on a server, in a worker, or where it is refused.
 * @see [RFC 6749 section 1.5](https://www.rfc-editor.org/rfc/rfc6749#section-1.5)
 */
export function open(options: Options): Promise<Session>;

/**
 * What the events of a session tell. It holds no token material.
 *
 * @see [RFC 6750 section 5.3](https://www.rfc-editor.org/rfc/rfc6750#section-5.3)
 */
export interface EventDetail {
  /** Grows with every write of the session's record. */
  readonly generation: number;
  /** Why, with `refresherror`, and with `signedout` if it was not the user's doing. */
  readonly code?: ErrorCode;
}

/**
 * The events of a session. They begin when the WebAssembly module is there.
 *
 * @see [RFC 6749 section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6)
 */
export interface SessionEventMap {
  /** This page obtained a new token. */
  refreshed: CustomEvent<EventDetail>;
  /** Another page did, and this one uses it. */
  adopted: CustomEvent<EventDetail>;
  /** Somebody signed in, here or in another page. */
  signedin: CustomEvent<EventDetail>;
  /** The session is over, here and in every other page. */
  signedout: CustomEvent<EventDetail>;
  /** An exchange of this page failed, or its answer could not be stored. */
  refresherror: CustomEvent<EventDetail>;
}

/**
 * The session of one signed-in user, shared by all pages of the origin.
 *
 * @see [RFC 6749 section 1.5](https://www.rfc-editor.org/rfc/rfc6749#section-1.5)
 */
export interface Session extends EventTarget {
  /**
   * Resolves to a valid access token: the stored one, one that another page
   * obtained, or a new one. With a valid token in storage it neither waits for
   * the WebAssembly module nor for anything else.
   *
   * @param options.signal Ends the wait. A refresh that has begun goes on.
   * @param options.rejected An access token that a resource server refused:
   * asks for another one, whatever the clock says. If somebody has refreshed
   * since, that is the stored one, however late the refusal comes.
   * @param options.forceRefresh The same for the token that this session handed
   * out last.
   *
   * @throws {@link OneRefreshError}
   */
  getAccessToken(options?: { signal?: AbortSignal; rejected?: string; forceRefresh?: boolean }): Promise<string>;

  /**
   * Like the global `fetch`, with the access token in the Authorization header.
   * Requests to other origins than the page's own and those of
   * {@link CommonOptions.origins}, and requests with an Authorization header of
   * their own, are passed on as they are. If such an origin redirects the
   * request to another one, the browser leaves the token out.
   *
   * After a 401 the token is refreshed and the request sent once more, unless
   * its body is a stream or the answer names a reason other than
   * `invalid_token`. A second 401 is returned.
   *
   * @throws {@link OneRefreshError} where there is no token to be had, and
   * whatever the global `fetch` throws, when the request is aborted too.
   * @see [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1)
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * Stores the token endpoint's answer to a sign-in, in place of what was
   * stored before.
   *
   * @throws {@link OneRefreshError} with code `invalid_options`, whose message
   * names the member that breaks the contract; then nothing has changed.
   */
  signIn(response: TokenResponse): Promise<void>;

  /**
   * Signs out, in all pages. The refresh token is revoked if there is a
   * `revocationEndpoint`; the session is gone whether that works or not.
   *
   * @throws {@link OneRefreshError}
   */
  signOut(): Promise<void>;

  /** Whether somebody is signed in, as far as storage shows. */
  readonly signedIn: boolean;

  /**
   * What makes sure that one page refreshes at a time: Web Locks, or, where the
   * browser has none (as outside of a secure context), nothing beyond this tab.
   *
   * @see [Web Locks](https://www.w3.org/TR/web-locks/)
   */
  readonly coordination: "web-locks" | "tab";

  /** Ends this object, not the session. Calls that are pending or come later reject with `closed`. */
  close(): void;

  addEventListener<K extends keyof SessionEventMap>(
    type: K,
    listener: ((this: Session, event: SessionEventMap[K]) => void) | { handleEvent(event: SessionEventMap[K]): void } | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof SessionEventMap>(
    type: K,
    listener: ((this: Session, event: SessionEventMap[K]) => void) | { handleEvent(event: SessionEventMap[K]): void } | null,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/**
 * The kinds of failure.
 *
 * - `signed_out`: nobody is signed in.
 * - `session_ended`: the authorization server ended the session.
 * - `temporarily_unavailable`: the session goes on; try again.
 * - `misconfigured`: the session goes on; a developer must look.
 * - `lock_timeout`: the session goes on; another page held the lock for too long.
 * - `aborted`: the caller's signal was aborted.
 * - `closed`: `close` was called.
 * - `wasm_unavailable`: the WebAssembly module could not be loaded, is of
 *   another version than the script, or the Content-Security-Policy lacks
 *   `'wasm-unsafe-eval'`; nothing was refreshed.
 * - `invalid_options`: an argument makes no sense; the message names it.
 * - `internal`: a defect; the next call starts afresh.
 *
 * @see [RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export type ErrorCode =
  | "signed_out"
  | "session_ended"
  | "temporarily_unavailable"
  | "misconfigured"
  | "lock_timeout"
  | "aborted"
  | "closed"
  | "wasm_unavailable"
  | "invalid_options"
  | "internal";

/**
 * What {@link open} and the methods of a session reject with. It holds no token
 * material.
 *
 * @see [RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
 */
export class OneRefreshError extends Error {
  private constructor();
  readonly name: "OneRefreshError";
  readonly code: ErrorCode;
  readonly cause?: unknown;
  /** How many seconds to wait before trying again, if that is known. */
  readonly retryAfter?: number;
  /**
   * The answer that ended the session, with `session_ended`.
   *
   * @see [RFC 6749 section 5.2](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)
   */
  readonly ended?: {
    readonly error: string;
    readonly error_description: string;
    /**
     * The refresh token had been presented before without its answer being
     * received. A server without a grace period cannot tell that from theft.
     */
    readonly answer_lost: boolean;
  };
}
