// A tab of a storm. It paints nothing, and sets no title: that would keep the
// processors from the clients that are measured.
import { setAhead } from "./clock.js";

const channel = new BroadcastChannel("bench");
const answers = new BroadcastChannel("bench-answers");
const id = (sessionStorage.id ??= crypto.randomUUID()); // survives a reload
const now = () => performance.timeOrigin + performance.now();
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (message) => answers.postMessage({ ...message, tab: id });
const clients = {}; // by peer and name
let client, got;
let leaving = false; // to reload again would begin anew each time

const steps = {
  async prepare({ peer, name, ahead, token, tabs }) {
    setAhead(ahead);
    const { open, inMemory } = await import(`/built/${peer}.js`);
    // Some clients reload the page when they hear of a sign-in: that is to be over.
    if (inMemory) await pause(200);
    const key = inMemory ? "only" : peer;
    if (inMemory || !clients[key]) clients[key] = await open(name, { first: tabs[0] === id });
    client = clients[key];
    // Until each tab has the sign-in in its own view of storage, a storm would
    // measure how fast that spreads.
    for (const deadline = now() + 10_000; (await client.getAccessToken()) !== token; await pause(5)) {
      if (now() > deadline) throw new Error("the sign-in did not show");
    }
    await client.settled?.();
    return {};
  },

  async go({ ahead }) {
    const start = now();
    setAhead(ahead);
    got = await client.getAccessToken();
    return { start, end: now() };
  },

  async check() {
    const { ok } = await fetch("/resource", { headers: { Authorization: `Bearer ${got}` } });
    return { valid: ok };
  },
};

channel.addEventListener("message", async ({ data }) => {
  if (data.type === "roll") {
    if (performance.timeOrigin >= data.since) return say({ type: "here" });
    if (!leaving) location.reload();
    leaving = true;
    return;
  }
  if (!data.tabs.includes(id)) return;
  const { type, round } = data;
  if (type === "go") got = undefined;
  try {
    say({ type, round, ...(await steps[type](data)) });
  } catch (error) {
    say({ type, round, error: String(error) });
  }
});
say({ type: "loaded" });
