// One tab of the soak: callers who ask for a token all the time, and tell the
// test what they get.
import { OneRefreshError, open } from "./dist/index.js";
import { open as openPublished } from "./clients.js";

const parameters = new URLSearchParams(location.search);
const published = parameters.get("mode") === "published";
const key = published ? "published:soak" : "onerefresh:soak";
const by = crypto.randomUUID(); // this load of the page
const random = generator(Number(parameters.get("seed")));
const say = (message) => window.report(JSON.stringify({ by, at: Date.now(), ...message }));

// The endpoint is to know which load of a page presents a refresh token.
const tokenEndpoint = "/token?by=" + by;
const { fetch } = window;
if (published) window.fetch = (url, init) => fetch(url === "/token" ? tokenEndpoint : url, init);

const client = published
  ? openPublished("published", "soak")
  : open({ name: "soak", tokenEndpoint, revocationEndpoint: "/revoke", clientId: "demo", exchangeTimeout: 3000, lockTimeout: 5000 });

// https://en.wikipedia.org/wiki/Linear_congruential_generator
function generator(seed) {
  return () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @type {{from: number, to: number}[]} when nothing at all ran in this page for a while */
let stalls = [];
let tick = Date.now();
function stalledSince(begin) {
  look();
  return stalls.reduce((sum, { from, to }) => sum + Math.max(0, to - Math.max(from, begin)), 0);
}
function look() {
  const now = Date.now();
  if (now - tick > 200) stalls = [...stalls, { from: tick, to: now }].slice(-50);
  tick = now;
}
setInterval(look, 50);

/** @type {Map<number, number>} when the calls that are pending began, by caller */
const pending = new Map();
let stopped = false;

async function call(caller) {
  const begin = Date.now();
  const options = {};
  if (!published && random() < 0.05) options.signal = AbortSignal.timeout(300 * random());
  if (!published && random() < 0.01) options.forceRefresh = true;
  pending.set(caller, begin);
  let got;
  try {
    const token = await (await client).getAccessToken(options);
    const at = Date.now();
    got = { at, token, received: received(token) };
  } catch (e) {
    got = { code: e.code ?? "", message: String(e.message), typed: e instanceof OneRefreshError };
  }
  pending.delete(caller);
  say({ type: "call", begin, stalled: stalledSince(begin), aborting: Boolean(options.signal), ...got });
}

/** When the stored token came, if it is the one. */
function received(token) {
  const record = JSON.parse(localStorage.getItem(key)) ?? {};
  return record.access_token === token ? record.received_at : undefined;
}

async function caller(number) {
  while (!stopped) {
    await call(number);
    await sleep(400 * random());
  }
}
const callers = [1, 2, 3].map(caller);

setInterval(() => say({ type: "beat", oldest: Date.now() - Math.min(Date.now(), ...pending.values()) }), 500);
client.then((session) => {
  session.addEventListener?.("signedout", ({ detail }) => say({ type: "signedout", code: detail.code ?? "" }));
});

window.soak = {
  signIn: async (response) => (await client).signIn(response),
  signOut: async () => (await client).signOut(),
  stop() {
    stopped = true;
    return Promise.all(callers).then(() => null);
  },
};
say({ type: "beat", oldest: 0 });
