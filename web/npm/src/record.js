// The record that all who share a session see, as far as JavaScript reads it:
// it answers what can be answered at once, and leaves everything else to Go.

// By how much two readings of one machine's clock may disagree, in ms.
const clockSlack = 2000;

/**
 * Returns what is stored, or undefined if there is nothing that can be read.
 * @param {string} key
 */
export function text(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined; // storage is refused: Go will say so
  }
}

/** The format of a session that no other code shares. */
const own = {
  read(text) {
    const record = JSON.parse(text);
    return record?.v === 1 ? record : undefined;
  },
};

// Most calls find what the call before has found.
let last, by, found;

/**
 * Returns the record that a text holds, or nothing if it holds none.
 * @param {string | undefined} text
 */
export function parse(text, format = own) {
  if (text !== last || format !== by) {
    last = text;
    by = format;
    found = undefined;
    try {
      found = { ...(text && format.read(text)) }; // a copy: its getters run here
    } catch {
      last = undefined; // a format may have failed but once; Go will say what is wrong
    }
  }
  return found;
}

/** @param {unknown} v @returns {v is string} */
const isToken = (v) => typeof v === "string" && v !== "";

/**
 * Reports whether the access token can be used now. It says the same as the
 * method live of token.go.
 * @param {number} margin in ms
 */
export function live(record, margin, now = Date.now()) {
  if (!isToken(record?.access_token)) return false;
  const { received_at: received = 0, expires_at: expires } = record;
  return now >= received - clockSlack && now < expires - Math.min(margin, (expires - received) / 4);
}

export const signedIn = (record) => isToken(record?.access_token) || isToken(record?.refresh_token);
