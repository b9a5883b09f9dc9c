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
      await navigator.locks.query(); // refused where the origin is opaque or storage is blocked
      return "web-locks";
    }
  } catch {}
  return "tab";
}
