// Runs storms in the tabs that are open: in each of them the access token
// expires at the same moment, and all ask for another. What became of the
// session is read from the server's ledger.
import { setAhead } from "./clock.js";

const channel = new BroadcastChannel("bench");
const answers = new BroadcastChannel("bench-answers");
const lifetime = 3600; // s
const patience = 20_000; // ms, for a step of all tabs
// ms, until tabs are idle: a real token expires an hour later. In the background
// timers fire once a second.
const rest = (tabs) => 1200 + 10 * tabs;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const here = new Set();
let ahead = 0, round = 0;
let hear = () => {};
answers.addEventListener("message", ({ data }) => {
  if (data.type === "here") here.add(data.tab);
  hear(data);
});

async function ask(url, init) {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.status === 200 ? response.json().catch(() => {}) : undefined;
}

/** Resolves with what each tab answers; one that reloads, or is silent, answers with an error. */
function all(type, tabs, message = {}) {
  round++;
  return new Promise((resolve) => {
    const heard = new Map();
    const end = () => {
      clearTimeout(timer);
      hear = () => {};
      resolve(tabs.map((tab) => heard.get(tab) ?? { error: "silent" }));
    };
    const timer = setTimeout(end, patience);
    hear = (data) => {
      if (!tabs.includes(data.tab) || (data.type !== "loaded" && data.round !== round)) return;
      heard.set(data.tab, data.type === "loaded" ? { error: "reloaded" } : data);
      if (heard.size === tabs.length) end();
    };
    channel.postMessage({ ...message, type, round, tabs });
  });
}

/** Resolves with the tabs when all of them say that they are here. Those that were loaded before are reloaded first. */
async function muster(count, since = 0) {
  here.clear();
  for (const deadline = performance.now() + 6 * patience; here.size < count; ) {
    if (performance.now() > deadline) throw new Error(`${here.size} of ${count} tabs are here`);
    channel.postMessage({ type: "roll", since });
    await pause(50);
  }
  return [...here].sort();
}

const reload = (count) => muster(count, performance.timeOrigin + performance.now());

async function advance() {
  ahead += 2000 * lifetime;
  await ask("/bench/ahead", { method: "PUT", body: ahead });
}

const clients = {}; // by name

/** Opens a session, and stores it as the peer does. */
async function store(peer, name, expiresIn) {
  const { open, signIn } = await import(`/built/${peer}.js`);
  const answer = await ask("/bench/grants", { method: "POST", body: JSON.stringify({ expires_in: expiresIn }) });
  if (signIn) await signIn(name, answer);
  else await (clients[name] ??= await open(name, {})).signIn(answer);
  return answer;
}

/** Signs in, and waits until all tabs know of it. */
async function signIn(peer, count, only) {
  for (let tries = 0; ; tries++) {
    const tabs = (await muster(count)).slice(0, only);
    setAhead(ahead);
    const { inMemory } = await import(`/built/${peer}.js`);
    const name = inMemory ? `${peer}-${crypto.randomUUID()}` : peer;
    let trouble;
    try {
      const answer = await store(peer, name, lifetime);
      const ready = await all("prepare", tabs, { peer, name, ahead, token: answer.access_token });
      trouble = ready.find(({ error }) => error)?.error;
      if (!trouble) return { tabs, grant: answer.grant };
    } catch (error) { // the browser may be busy with what other clients left behind
      trouble = error.message;
    }
    if (tries === 5) throw new Error(`${peer}: ${trouble}`);
    console.log(peer, trouble);
    await reload(count);
  }
}

/** One expiry of a session in all tabs. */
async function expire({ tabs, grant }, known) {
  await ask(`/demo/grants/${grant}/expire`, { method: "POST" });
  await advance();
  await pause(rest(tabs.length));
  const reports = await all("go", tabs, { ahead });
  setAhead(ahead);
  const checks = await all("check", tabs);
  const { presentations, revoked_for } = await ask(`/demo/ledger?grant=${grant}`);
  const start = Math.min(...reports.filter((r) => r.start).map((r) => r.start));
  const without = checks.filter((c) => !c.valid).length;
  return {
    ends: reports.filter((r) => r.end).map((r) => r.end - start),
    exchanges: presentations.length - known,
    total: presentations.length,
    reuse: revoked_for === "reuse",
    without,
    lost: revoked_for !== undefined || without > 0,
    errors: [...new Set([...reports, ...checks].map((r) => r.error).filter(Boolean))],
  };
}

window.bench = {
  /**
   * Runs sign-ins, each with two expiries, after one that does not count.
   * @returns {Promise<{first: object[], second: object[]}>}
   */
  async storms({ peer, tabs, count, only = tabs }) {
    const result = { first: [], second: [] };
    for (let i = -1; i < count; i++) {
      const session = await signIn(peer, tabs, only);
      const first = await expire(session, 0);
      const second = first.lost ? undefined : await expire(session, first.total);
      // Some clients reload the page when their session is lost, sooner or later.
      if ((second ?? first).lost && (await import(`/built/${peer}.js`)).inMemory) await reload(tabs);
      if (i < 0) continue;
      result.first.push(first);
      if (second) result.second.push(second);
    }
    return result;
  },

  /** Stores a session for a page to come. */
  async seed(peer, name, expiresIn) {
    return (await store(peer, name, expiresIn)).access_token;
  },

  /** Removes what is stored of a session, as a sign-out does. */
  forget(name) {
    for (const key of Object.keys(localStorage)) if (key.includes(name)) localStorage.removeItem(key);
  },

  ready: true,
};
