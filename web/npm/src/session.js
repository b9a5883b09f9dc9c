import { isStream, mayCarry, refusesToken } from "./authorization.js";
import { aborted, closed } from "./error.js";
import * as record from "./record.js";
import { start } from "./runtime.js";
import { turn, watchVisit } from "./turn.js";

const defaultMargin = 30; // seconds, as in session.go

export class Session extends EventTarget {
  #config;
  #origins;
  #source;
  #margin; // ms
  #coordination;
  #closed = false;
  /** @type {object | undefined} the Go program in which the session is open */
  #program;
  /** @type {Promise<Function> | undefined} what calls the session there */
  #go;
  /** @type {Set<(token: string) => void>} to be told of a valid token that storage shows */
  #looks = new Set();
  /** @type {Map<string | undefined, Promise<string>>} what callers wait for, by the token that was refused, if any */
  #flights = new Map();
  /** @type {Set<(error: Error) => void>} rejects what is pending */
  #pending = new Set();
  /** @type {string | undefined} the access token that was handed out last */
  #last;

  constructor({ config, origins, source }, coordination) {
    super();
    this.#config = {
      ...config,
      coordination,
      seen: [],
      // Listeners run on their own: nothing that they do happens inside Go.
      emit: (type, detail) =>
        queueMicrotask(() => {
          if (!this.#closed) this.dispatchEvent(new CustomEvent(type, { detail }));
        }),
    };
    this.#origins = origins;
    this.#source = source;
    this.#margin = 1000 * (config.expiryMargin ?? defaultMargin);
    this.#coordination = coordination;
    // Before the Go program listens, so that callers need not wait for what it
    // does with the event.
    addEventListener("storage", this.#onStorage);
    watchVisit();
    const prepare = () => this.#closed || this.#open().catch(() => {}); // the first call that needs it says what is wrong
    if (this.signedIn && !this.#live()) prepare();
    else whenIdle(prepare);
  }

  get coordination() {
    return this.#coordination;
  }

  get signedIn() {
    return record.signedIn(this.#read());
  }

  async getAccessToken({ signal, forceRefresh = false, rejected } = {}) {
    this.#check(signal);
    if (forceRefresh) rejected ??= this.#last ?? this.#read()?.access_token ?? "";
    if (rejected !== undefined) return this.#refresh(rejected, signal);
    this.#last = this.#live() ?? (await this.#until(signal, this.#share("token")));
    return this.#last;
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    if (!mayCarry(request, this.#origins)) return fetch(request);
    const { signal } = request;
    try {
      const again = isStream(init?.body) ? undefined : request.clone();
      const token = await this.getAccessToken({ signal });
      const response = await fetch(authorize(request, token));
      if (!again || !refusesToken(request, response)) return response;
      response.body?.cancel().catch(() => {}); // frees the connection
      return await fetch(authorize(again, await this.#refresh(token, signal)));
    } catch (error) {
      if (signal.aborted) throw signal.reason; // as the fetch of the page does
      throw error;
    }
  }

  signIn(response) {
    return this.#until(undefined, this.#ask("signIn", response));
  }

  signOut() {
    return this.#until(undefined, this.#ask("signOut"));
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    removeEventListener("storage", this.#onStorage);
    this.#go?.then((call) => call("close")).catch(() => {}); // it was not opened, or died: nothing is left to close
    for (const reject of this.#pending) reject(closed());
  }

  #onStorage = () => {
    const token = this.#looks.size > 0 ? this.#live() : undefined;
    if (token !== undefined) for (const look of this.#looks) look(token);
  };

  /**
   * Returns the stored record. What the page sees first, and the first session
   * that it sees before Go is there, Go has to know: it tells of all changes
   * since.
   */
  #read() {
    const { storageKey, format, seen } = this.#config;
    const text = record.text(storageKey);
    if (!this.#program && !record.signedIn(record.parse(seen.at(-1), format))) seen[seen.length && 1] = text ?? "";
    return record.parse(text, format);
  }

  /** Returns the stored access token if it can be used now. */
  #live() {
    const stored = this.#read();
    return record.live(stored, this.#margin) ? stored.access_token : undefined;
  }

  /** Callers who want the same share one promise: there is no need for Go to know how many they are. */
  #share(method, rejected) {
    if (!this.#flights.has(rejected)) {
      this.#flights.set(
        rejected,
        this.#soonest(method, rejected).finally(() => this.#flights.delete(rejected)),
      );
    }
    return this.#flights.get(rejected);
  }

  async #refresh(rejected, signal) {
    this.#check(signal);
    this.#last = await this.#until(signal, this.#share("refresh", rejected));
    return this.#last;
  }

  /** Settles with what the method in Go does, or with another tab's token, other than rejected, if storage shows that before. */
  async #soonest(method, rejected) {
    let look;
    const shown = new Promise((resolve) => {
      look = (token) => token !== rejected && resolve(token);
      this.#looks.add(look);
    });
    const mine = this.#turn();
    try {
      return (await Promise.race([shown, mine?.begin])) ?? (await Promise.race([shown, this.#ask(method, rejected)]));
    } finally {
      this.#looks.delete(look);
      mine?.end();
    }
  }

  #turn() {
    if (this.#coordination === "web-locks") return turn(`onerefresh/${this.#config.storageKey}/turn`);
  }

  #check(signal) {
    if (this.#closed) throw closed();
    if (signal?.aborted) throw aborted(signal);
  }

  /** Settles like work, unless the caller gives up or the session is closed before. */
  async #until(signal, work) {
    let fail, abort;
    try {
      return await new Promise((resolve, reject) => {
        work.then(resolve, reject);
        this.#check(signal);
        fail = reject;
        this.#pending.add(fail);
        abort = () => reject(aborted(signal));
        signal?.addEventListener("abort", abort);
      });
    } finally {
      this.#pending.delete(fail);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Settles with what the method in Go does. */
  async #ask(method, ...args) {
    this.#check();
    // In a page that is prerendered no lock is granted, however long Go waits.
    if (document.prerendering) await new Promise((shown) => document.addEventListener("prerenderingchange", shown));
    const go = await this.#open();
    this.#check();
    return go(method, ...args);
  }

  /** Opens the session in the page's Go program, unless it is open there. */
  async #open() {
    const program = await start(this.#source);
    this.#check();
    if (this.#program !== program) {
      this.#program = program;
      this.#go = program.open(this.#config);
      this.#config.seen = []; // a program that has to be started anew begins with what there is
    }
    return this.#go;
  }
}

function authorize(request, token) {
  request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

function whenIdle(work) {
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 2000 });
  else setTimeout(work, 200); // Safari
}
