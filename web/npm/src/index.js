import { OneRefreshError } from "./error.js";
import { check } from "./options.js";
import { Session } from "./session.js";

export { OneRefreshError };

export async function open(options) {
  const settings = check(options);
  try {
    localStorage.length; // the getter throws where storage is refused, as in a sandboxed frame
  } catch (cause) {
    throw new OneRefreshError("misconfigured", "localStorage is refused here", { cause });
  }
  return new Session(settings, await coordination());
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
