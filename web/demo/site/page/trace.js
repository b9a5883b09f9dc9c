// Notes what a client does with navigator.locks and the token endpoint, so that
// the clients' code stays as it is. It adds nothing but a note to each call:
// above all, no look at storage.

/** The wall clock, as all tabs of the machine have it, in ms with fractions. */
export const now = () => performance.timeOrigin + performance.now();

/**
 * Calls note with the kind of each step from now on: waiting, holding,
 * released and left of exclusive locks that a client waits for, exchanging,
 * answered and unanswered of token requests, asking and served of requests to
 * the backend for the resource.
 * @param {(kind: string, detail?: object) => void} note
 */
export function trace(note) {
  if (globalThis.LockManager) traceLocks(note);
  traceFetch(note);
}

function traceLocks(note) {
  const { request } = LockManager.prototype;
  LockManager.prototype.request = function (name, ...rest) {
    const callback = rest.pop();
    const { mode, ifAvailable } = rest[0] ?? {};
    if (typeof callback !== "function" || mode === "shared" || ifAvailable) return request.call(this, name, ...rest, callback);
    note("waiting");
    let granted = false;
    const done = request.call(this, name, ...rest, (lock) => {
      if (!lock) return callback(lock);
      granted = true;
      note("holding");
      const result = callback(lock);
      const released = () => note("released");
      Promise.resolve(result).then(released, released);
      return result;
    });
    const left = () => granted || note("left");
    done.then(left, left);
    return done;
  };
}

function traceFetch(note) {
  const { fetch } = globalThis;
  globalThis.fetch = (...request) => {
    const response = fetch(...request);
    const { pathname } = new URL(request[0].url ?? request[0], location.href);
    if (pathname === "/token") {
      note("exchanging");
      response.then(
        ({ ok, status }) => note("answered", { ok, status }),
        () => note("unanswered"),
      );
    }
    if (/^\/bff\/[^/]+\/resource$/.test(pathname)) {
      note("asking");
      response.then(
        ({ ok }) => note("served", { ok }),
        () => note("served", { ok: false }),
      );
    }
    return response;
  };
}
