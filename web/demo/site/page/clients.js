// The five ways to coordinate, each as a page would write it. All speak to the
// real token endpoint, and keep one record per session in localStorage; but for
// the backend, which has both to itself.

import { ask } from "./storm.js";

/** The demonstration's own server, in options of onerefresh. */
const demo = { tokenEndpoint: "/token", revocationEndpoint: "/revoke", clientId: "demo" };

/** What all but onerefresh have in common. */
class Client {
  constructor(key, server) {
    this.key = key;
    this.server = server;
  }

  read() {
    return JSON.parse(localStorage.getItem(this.key));
  }

  persist(response) {
    const record = { ...response, expires_at: Date.now() + 1000 * response.expires_in };
    localStorage.setItem(this.key, JSON.stringify(record));
    return record;
  }

  /** Reports whether the access token can be used; rejected is one that a resource server refused. */
  usable(record, rejected) {
    return record.access_token !== rejected && Date.now() < record.expires_at;
  }

  // https://www.rfc-editor.org/rfc/rfc6749#section-6
  async exchange({ refresh_token }) {
    const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token, client_id: this.server.clientId });
    const response = await fetch(this.server.tokenEndpoint, { method: "POST", body });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return this.persist({ refresh_token, ...answer });
  }

  async getAccessToken({ rejected } = {}) {
    const record = this.read();
    if (!record) throw new Error("signed out");
    const { access_token } = this.usable(record, rejected) ? record : await this.refresh(rejected);
    return access_token;
  }

  async fetch(url) {
    const ask = (token) => fetch(url, { headers: { Authorization: `Bearer ${token}` } });
    const token = await this.getAccessToken();
    const response = await ask(token);
    return response.status === 401 ? ask(await this.getAccessToken({ rejected: token })) : response;
  }

  async signIn(response) {
    this.persist(response);
  }

  async signOut() {
    localStorage.removeItem(this.key);
  }

  close() {}
}

/** Everyone refreshes. */
class None extends Client {
  coordination = "none";

  refresh() {
    return this.exchange(this.read());
  }
}

/** All callers of one tab share one refresh. */
class Flight extends Client {
  coordination = "tab";

  refresh() {
    this.flight ??= this.exchange(this.read()).finally(() => (this.flight = undefined));
    return this.flight;
  }
}

/** The remedy that everybody publishes: lock, re-read, skip if a peer has refreshed, else exchange and persist. */
class Published extends Client {
  coordination = "web-locks";

  refresh(rejected) {
    return navigator.locks.request(this.key, async () => {
      const record = this.read();
      return this.usable(record, rejected) ? record : this.exchange(record);
    });
  }
}

/** The npm package, as `make npm` builds it. */
async function onerefresh(key, name, server) {
  const { open } = await import("./dist/index.js");
  return open({ name, storageKey: key, ...server });
}

/**
 * No token comes here: a cookie that no script can read names the session, and
 * the Go server has the tokens and refreshes them.
 */
class Backend extends EventTarget {
  coordination = "server";

  constructor(name) {
    super();
    this.address = `/bff/${name}`;
    this.channel = new BroadcastChannel(`onerefresh-demo-bff-${name}`);
    this.channel.addEventListener("message", () => this.#tell());
  }

  /** Resolves with the grant that is signed in to, if there is one. */
  async grant() {
    return (await ask(`${this.address}/grant`))?.grant;
  }

  async fetch(url) {
    // Past the cache, which lets one tab at a time ask for an address.
    const response = await fetch(this.address + url, { cache: "no-store" });
    if (response.status === 401 && !(await this.grant())) this.#ended();
    return response;
  }

  /** Signs in to a new grant whose access token is stale, and resolves with its name. */
  async openGrant() {
    return (await ask(`${this.address}/grants`, { method: "POST" })).grant;
  }

  /** Leaves for the login page. */
  beginSignIn() {
    location.assign(`${this.address}/sign-in`);
  }

  async signOut() {
    await ask(`${this.address}/sign-out`, { method: "POST" });
    this.#ended();
  }

  close() {
    this.channel.close();
  }

  /** The cookie is gone from all tabs; what they show of it is not. */
  #ended() {
    this.channel.postMessage("signedout");
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new CustomEvent("signedout"));
  }
}

/** Where a client keeps its record. */
export const storageKey = (mode, name) => `${mode}:${name}`;

/**
 * Opens a session in one of the modes none, flight, published, onerefresh, bff.
 * The last has no tokens: openGrant, grant and beginSignIn are in the place of
 * signIn and getAccessToken.
 * @returns {Promise<{signIn, getAccessToken, fetch, signOut, close, coordination}>}
 */
export async function open(mode, name, server = demo) {
  const key = storageKey(mode, name);
  switch (mode) {
    case "none":
      return new None(key, server);
    case "flight":
      return new Flight(key, server);
    case "published":
      return new Published(key, server);
    case "onerefresh":
      return onerefresh(key, name, server);
    case "bff":
      return new Backend(name);
  }
  throw new TypeError(`no mode ${mode}`);
}
