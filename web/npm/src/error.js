/** What every method of a session rejects with. It holds no token material. */
export class OneRefreshError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{cause?: unknown, retryAfter?: number, ended?: object}} [details]
   */
  constructor(code, message, { cause, retryAfter, ended } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
    if (ended !== undefined) this.ended = ended;
  }

  // On the prototype, like those of the built-in errors, and as a text of its
  // own: a minifier renames the class.
  get name() {
    return "OneRefreshError";
  }
}

/** @param {AbortSignal} signal */
export const aborted = (signal) =>
  new OneRefreshError("aborted", "the caller gave up", { cause: signal.reason });

export const closed = () => new OneRefreshError("closed", "the session was closed");

/** @param {string} message @param {unknown} [cause] */
export const internal = (message, cause) => new OneRefreshError("internal", message, { cause });
