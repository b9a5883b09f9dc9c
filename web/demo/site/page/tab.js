import { open, storageKey } from "./clients.js";
import { answersName, channelName } from "./roster.js";
import { now, trace } from "./trace.js";

const parameters = new URLSearchParams(location.search);
const named = parameters.get("mode");
const id = Math.random().toString(36).slice(2);
/** @type {BroadcastChannel} closed while the page is not shown, which lets it into the back/forward cache */
let channel;
const answers = new BroadcastChannel(answersName);
const say = (message) => answers.postMessage({ ...message, tab: id });

/** @type {{at: number, kind: string}[]} what the client did since the storm began */
let notes = [];
trace((kind, detail) => notes.push({ at: now(), kind, ...detail }));

/** @type {Map<string, Promise<object>>} the open sessions by storage key */
const sessions = new Map();
const events = []; // of onerefresh

/** Resolves with the client of a session, which is opened if need be. */
function join(mode, session) {
  const key = storageKey(mode, session);
  if (!sessions.has(key)) {
    const client = open(mode, session);
    sessions.set(key, client);
    client.then(record, () => sessions.delete(key));
  }
  show({ mode });
  return sessions.get(key);
}

function record(client) {
  if (!(client instanceof EventTarget)) return;
  client.addEventListener("signedout", () => show({ state: "lost", text: "Signed out" }));
  for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) {
    client.addEventListener(type, ({ detail }) => {
      events.push({ type, detail: JSON.parse(JSON.stringify(detail ?? null, plain)) });
    });
  }
}

const plain = (_, value) =>
  value instanceof Error ? { ...value, name: value.name, code: value.code, message: value.message } : value;

/**
 * For tests, and for a curious person's console. It is about the session that
 * the address names with ?mode=…&session=…, or else the one of the last storm.
 */
const tab = {
  id,
  events,
  /** @type {Promise<object>} the client */
  ready: new Promise(() => {}),
  getAccessToken: async (options) => (await tab.ready).getAccessToken(options),
  fetch: async (...request) => (await tab.ready).fetch(...request),
  signIn: async (response) => (await tab.ready).signIn(response),
  signOut: async () => (await tab.ready).signOut(),
  close: async () => (await tab.ready).close(),
};
window.tab = tab;

/** @type {{storm: string, call: string, client: object, token?: string, status?: number, error?: string} | undefined} */
let current;
let preparing = new AbortController();

async function hear({ data }) {
  switch (data.type) {
    case "roll":
      return say({ type: "here" });
    case "roster":
      return show({ number: data.tabs.indexOf(id) + 1 || "" });
    case "close":
      return window.close();
    case "mode":
      return void join(data.mode, data.session).catch(() => {}); // a storm will say what is wrong
  }
  if (!data.tabs?.includes(id)) return;
  const { storm } = data;
  try {
    if (data.type === "prepare") await prepare(data);
    if (storm !== current?.storm) return;
    if (data.type === "go") await run();
    if (data.type === "check") await check();
  } catch (error) {
    if (error.name !== "AbortError") say({ type: "trouble", storm, message: error.message });
  }
}

async function prepare({ storm, mode, session, grant, call }) {
  preparing.abort();
  preparing = new AbortController();
  current = undefined;
  const joined = join(mode, session);
  if (!named) tab.ready = joined;
  const client = await joined;
  if (client.openGrant) await seesCookie(client, grant);
  else await shows(storageKey(mode, session), grant, preparing.signal);
  current = { storm, call, client };
  say({ type: "ready", storm });
}

/** Resolves when this tab's view of storage has the grant's record. It looks at it no more after that. */
function shows(key, grant, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const end = (settle, value) => {
      removeEventListener("storage", look);
      signal.removeEventListener("abort", abort);
      settle(value);
    };
    const abort = () => end(reject, signal.reason);
    const look = () => localStorage.getItem(key)?.includes(grant) && end(resolve);
    addEventListener("storage", look);
    signal.addEventListener("abort", abort);
    look();
  });
}

/** A cookie is not each tab's own, as its view of localStorage is: what one was given all have. */
async function seesCookie(client, grant) {
  if ((await client.grant()) !== grant) throw new Error("this tab's cookie is of another session");
}

async function run() {
  const { storm, call, client } = current;
  notes = [];
  let error;
  const start = now();
  try {
    if (call === "fetch") current.status = (await client.fetch("/resource")).status;
    else current.token = await client.getAccessToken();
  } catch (e) {
    error = e.code ?? e.message;
  }
  const end = now();
  current.error = error;
  say({ type: "report", storm, start, end, error, notes, coordination: client.coordination });
}

/**
 * Asks the resource server, which knows a token that is worth nothing. Only now
 * does the tab show what it got: to paint would compete with the tabs that wait.
 */
async function check() {
  const { storm, token, status, error } = current;
  let valid = status === 200;
  if (token) valid = (await fetch("/resource", { headers: { Authorization: `Bearer ${token}` } })).ok;
  say({ type: "checked", storm, valid });
  if (valid) show({ state: "kept", text: "Has a token" });
  else show({ state: "lost", text: error ? `No token: ${error}` : "Signed out" });
}

const shown = {
  number: document.querySelector("#number"),
  state: document.querySelector("#state"),
  mode: document.querySelector("#mode"),
};

function show({ number, mode, state, text }) {
  write(shown.number, number);
  write(shown.mode, mode);
  write(shown.state, text);
  if (state !== undefined) document.body.dataset.state = state;
  const title = `Tab ${shown.number.textContent}: ${shown.state.textContent}`;
  if (document.title !== title) document.title = title;
}

/** Writes text that is new, and lets the browser be where it is not. */
function write(element, text) {
  if (text !== undefined && element.textContent !== String(text)) element.textContent = text;
}

document.querySelector("#close").addEventListener("click", () => window.close());

addEventListener("pageshow", () => {
  channel = new BroadcastChannel(channelName);
  channel.addEventListener("message", hear);
  say({ type: "here" });
});
addEventListener("pagehide", () => {
  say({ type: "gone" });
  channel.close();
});
if (named) tab.ready = join(named, parameters.get("session") ?? "storm");
