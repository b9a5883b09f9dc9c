// What Session.fetch has to know of https://www.rfc-editor.org/rfc/rfc6750.

/**
 * Reports whether a request may carry the access token: only to the page's own
 * origin, and to those that the options list.
 * @param {Request} request @param {Set<string>} origins
 */
export function mayCarry(request, origins) {
  if (request.headers.has("Authorization")) return false; // the caller has something else in mind
  const { protocol, origin } = new URL(request.url);
  return /^https?:$/.test(protocol) && (origin === globalThis.location?.origin || origins.has(origin));
}

/**
 * Reports whether a 401 says that another token may help. An answer without a
 * reason may well mean that, or hide the header from other origins; any reason
 * but invalid_token does not. Nor does what an origin says to which the request
 * was redirected: it did not get the token.
 * See https://www.rfc-editor.org/rfc/rfc6750#section-3.1
 * and step 13 of https://fetch.spec.whatwg.org/#http-redirect-fetch.
 * @param {Request} request @param {Response} response
 */
export function refusesToken(request, response) {
  if (response.status !== 401) return false;
  if (response.redirected && new URL(response.url).origin !== new URL(request.url).origin) return false;
  const challenge = response.headers.get("WWW-Authenticate") ?? "";
  for (const [, name, quoted, plain] of challenge.matchAll(/([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))/g)) {
    if (name.toLowerCase() === "error") return (quoted ?? plain) === "invalid_token";
  }
  return true;
}

/**
 * Reports whether a body can be sent once only: to keep a copy of a stream for
 * a second try would hold all of it in memory.
 * @param {BodyInit | null | undefined} body
 */
export const isStream = (body) => typeof ReadableStream === "function" && body instanceof ReadableStream;
