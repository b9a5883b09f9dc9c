import { OneRefreshError } from "onerefresh";
import { session } from "./session";

/** What this server closes with if it does not accept the token, or no longer: 4000 to 4999 are for applications. */
const unauthorized = 4401;

/** Nothing will change the server's mind. */
export class Refused extends Error {}

/** Resolves to what to send first; refused says that the server has not accepted the one before. */
export type Greet = (options: { signal: AbortSignal; refused: boolean }) => Promise<string>;

/** Of a session that goes on. */
const passing = new Set(["temporarily_unavailable", "lock_timeout"]);

/** The access token goes into the first message: a URL ends up in logs. */
export function withToken(): Greet {
  let token: string | undefined;
  return async ({ signal, refused }) => {
    token = await session.getAccessToken({ signal, rejected: refused ? token : undefined });
    return JSON.stringify({ type: "authenticate", token });
  };
}

/**
 * Keeps a WebSocket open, each time with the token of that moment. It ends with an error: the signal's reason, Refused,
 * or that of a session in which nobody is signed in.
 */
export async function listen(url: string, greet: Greet, onMessage: (data: string) => void, signal: AbortSignal) {
  let refused = false;
  for (let failures = 0; ; failures++) {
    const begun = Date.now();
    try {
      const { code, accepted } = await connect(url, await greet({ signal, refused }), onMessage, signal);
      if (code === unauthorized && refused && !accepted) throw new Refused("the server accepts no token");
      refused = code === unauthorized;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof Refused || (error instanceof OneRefreshError && !passing.has(error.code))) throw error;
    }
    if (Date.now() - begun > 60_000) failures = 0; // that was a connection
    await pause(Math.random() * Math.min(30_000, 500 * 2 ** failures), signal);
  }
}

/** Settles when the connection is closed. */
function connect(url: string, greeting: string, onMessage: (data: string) => void, signal: AbortSignal) {
  return new Promise<{ code: number; accepted: boolean }>((resolve) => {
    let accepted = false;
    const socket = new WebSocket(url);
    const end = new AbortController();
    const close = () => socket.close();
    socket.onopen = () => socket.send(greeting);
    socket.onmessage = ({ data }) => {
      accepted = true;
      onMessage(data);
    };
    socket.onclose = ({ code }) => {
      end.abort();
      resolve({ code, accepted });
    };
    signal.addEventListener("abort", close, end);
    session.addEventListener("signedout", close, end);
    session.addEventListener("signedin", close, end); // maybe somebody else
    if (signal.aborted) close();
  });
}

/** Waits, but not longer than until the network is back. */
function pause(ms: number, signal: AbortSignal) {
  return new Promise<void>((resolve) => {
    const end = new AbortController();
    const done = () => {
      end.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done, end);
    signal.addEventListener("abort", done, end);
    if (signal.aborted) done();
  });
}
