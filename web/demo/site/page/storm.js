// A storm: in every tab the access token turns stale at the same instant.
// Whether the session survives is read from the server's ledger, and not from
// what the clients believe.

/** How long a tab may take for a step before the storm counts as failed, in ms. */
const patience = 30_000;

/**
 * Opens a new grant whose access token is already stale, signs in to it with
 * the mode's client, and lets all tabs ask for an access token at once, or for
 * the protected resource where tabs have no tokens.
 * @param {object} o
 * @param {BroadcastChannel} o.channel
 * @param {BroadcastChannel} o.answers
 * @param {object} o.client  of the mode, in this page
 * @param {string} o.mode
 * @param {string} o.session
 * @param {string[]} o.tabs
 * @param {AbortSignal} [o.signal]
 */
export async function storm({ client, ...o }) {
  const grant = await (client.openGrant ? client.openGrant() : openGrant(client));
  return race({ ...o, grant, call: client.getAccessToken ? "getAccessToken" : "fetch" });
}

async function openGrant(client) {
  const response = await ask("/demo/grants", { method: "POST" });
  await client.signIn(response);
  return response.grant;
}

/**
 * Ends the access tokens of a grant that is signed in to, and lets all tabs
 * call the protected resource at once.
 */
export async function expire(o) {
  const { presentations } = await ledger(o.grant);
  await ask(`/demo/grants/${o.grant}/expire`, { method: "POST" });
  return race({ ...o, call: "fetch", from: presentations.length });
}

async function race({ channel, answers, signal, mode, session, grant, tabs, call, from = 0 }) {
  const crew = new Crew(channel, answers, tabs, signal);
  // Until every tab has the sign-in in its own view of storage, a storm would
  // measure how fast that spreads.
  await crew.all("prepare", "ready", { mode, session, grant, call });
  const reports = await crew.all("go", "report");
  // Only now, so that it does not compete with the refresh.
  const checks = await crew.all("check", "checked");
  const { presentations, revoked, revoked_for } = await ledger(grant);

  const start = Math.min(...reports.map((r) => r.start));
  const reuse = revoked_for === "reuse";
  const without = checks.filter((c) => !c.valid).length;
  return {
    mode,
    call,
    start,
    reports,
    ends: reports.map((r) => r.end - start).sort((a, b) => a - b),
    exchanges: presentations.length - from,
    reuse,
    revokedAt: revoked && Date.parse(revoked) - start,
    withoutToken: without,
    lost: revoked !== undefined || without > 0,
    coordination: reports[0].coordination,
  };
}

/** The tabs that take part in one storm. */
class Crew {
  #channel;
  #answers;
  #tabs;
  #signal;
  #storm = Math.random().toString(36).slice(2);

  constructor(channel, answers, tabs, signal) {
    this.#channel = channel;
    this.#answers = answers;
    this.#tabs = tabs;
    this.#signal = signal;
  }

  /** Sends a message of type type, and resolves with each tab's answer of type answer. */
  all(type, answer, message = {}) {
    const heard = new Map();
    return new Promise((resolve, reject) => {
      this.#signal?.throwIfAborted();
      const hear = ({ data }) => {
        if (data.storm !== this.#storm || !this.#tabs.includes(data.tab)) return;
        if (data.type === "trouble") end(reject, new Error(data.message));
        if (data.type !== answer) return;
        heard.set(data.tab, data);
        if (heard.size === this.#tabs.length) end(resolve, this.#tabs.map((tab) => heard.get(tab)));
      };
      const abort = () => end(reject, this.#signal.reason);
      const late = () =>
        end(reject, new Error(`${this.#tabs.length - heard.size} of ${this.#tabs.length} tabs did not say ${answer}`));
      const timer = setTimeout(late, patience);
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#answers.removeEventListener("message", hear);
        this.#signal?.removeEventListener("abort", abort);
        settle(value);
      };
      this.#signal?.addEventListener("abort", abort);
      this.#answers.addEventListener("message", hear);
      this.#channel.postMessage({ ...message, type, storm: this.#storm, tabs: this.#tabs });
    });
  }
}

export const ledger = (grant) => ask(`/demo/ledger?grant=${encodeURIComponent(grant)}`);

/** Resolves with the JSON of an answer, if it has any. */
export async function ask(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.status === 204 ? undefined : response.json();
}
