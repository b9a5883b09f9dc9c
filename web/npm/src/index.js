import { OneRefreshError } from "./error.js";
import { check } from "./options.js";
import { Session } from "./session.js";

export { OneRefreshError };

export async function open(options) {
  try {
    // By way of the document: a server may have a localStorage, which all its
    // users would share. It throws where storage is refused, as in a sandboxed
    // frame.
    document.defaultView.localStorage.getItem("");
  } catch (cause) {
    throw new OneRefreshError("misconfigured", "a session needs a page with localStorage", { cause });
  }
  return new Session(check(options), await coordination());
}

async function coordination() {
  try {
    if (isSecureContext && navigator.locks) {
      // It is refused where the origin is opaque or storage is blocked, and delayed
      // in a page that is prerendered, which is never either.
      if (!document.prerendering) await navigator.locks.query();
      return "web-locks";
    }
  } catch {}
  return "tab";
}
