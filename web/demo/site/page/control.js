import { Chart } from "./chart.js";
import { open, storageKey } from "./clients.js";
import { OwnSession } from "./own.js";
import { Results, conclude, names } from "./results.js";
import { Roster, answersName, channelName } from "./roster.js";
import { followSettings } from "./settings.js";
import { storm } from "./storm.js";

const $ = (id) => document.getElementById(id);
const modes = Object.keys(names);
const stormSession = "storm";
const rememberedMode = "demo:mode"; // in sessionStorage, for the way back from the login page

const channel = new BroadcastChannel(channelName);
const answers = new BroadcastChannel(answersName);
const roster = new Roster(channel, answers);
const results = new Results();
const chart = new Chart($("chart"));

/** @type {Map<string, Promise<object>>} this page's clients by storage key */
const clients = new Map();

function join(mode, session) {
  const key = storageKey(mode, session);
  if (!clients.has(key)) {
    clients.set(key, open(mode, session));
    clients.get(key).catch(() => clients.delete(key));
  }
  return clients.get(key);
}

/** @type {AbortController | undefined} while something runs */
let running;

/**
 * Does work, which makes count storms, unless something runs already.
 * @param {number} count
 * @param {(signal: AbortSignal) => Promise<void>} work
 */
async function exclusively(count, work) {
  if (running) throw new Error("storms are running already");
  running = new AbortController();
  $("progress").max = count;
  $("progress").value = 0;
  update();
  try {
    await work(running.signal);
  } finally {
    running = undefined;
    update();
  }
}

/** Runs storms of one mode, and returns their results. */
async function storms({ mode, tabs, count, session, signal }) {
  const all = [];
  const crew = await roster.muster(tabs);
  const client = await join(mode, session);
  try {
    while (all.length < count) {
      const result = await storm({ channel, answers, client, mode, session, tabs: crew, signal });
      all.push(result);
      results.add(result);
      $("progress").value++;
    }
  } finally {
    chart.add(mode, tabs, all);
  }
  return all;
}

/** For tests, and for a curious person's console. */
window.demo = {
  /** The number of open tabs. */
  tabs: () => roster.size,

  /** Ends what runs. */
  cancel: () => running?.abort(new DOMException("cancelled", "AbortError")),

  /**
   * Runs storms in tabs that are open, and opens what is missing. The arrays
   * have an element per storm; times count from the first call of a storm.
   * @param {{mode: "none"|"flight"|"published"|"onerefresh"|"bff", tabs: number, storms: number, sessionName?: string}} o
   */
  async runStorms({ mode, tabs, storms: count, sessionName = stormSession }) {
    if (!modes.includes(mode)) throw new TypeError(`mode must be one of ${modes.join(", ")}`);
    if (!(tabs >= 1 && count >= 1)) throw new TypeError("tabs and storms must be at least 1");
    let all;
    await exclusively(count, async (signal) => {
      choose(mode);
      results.begin(count, `${count === 1 ? "A storm" : `${count} storms`} with ${names[mode]}…`);
      all = await storms({ mode, tabs, count, session: sessionName, signal });
      results.end(conclude(all));
    });
    const sum = (f) => all.reduce((n, r) => n + Number(f(r)), 0);
    return {
      mode,
      tabs,
      storms: all.length,
      lost: sum((r) => r.lost),
      reuse: sum((r) => r.reuse),
      exchanges: all.map((r) => r.exchanges),
      callersWithoutToken: sum((r) => r.withoutToken),
      firstTabMs: all.map((r) => r.ends[0]),
      lastTabMs: all.map((r) => r.ends.at(-1)),
      keptLastTabMs: all.filter((r) => !r.lost).map((r) => r.ends.at(-1)),
      coordination: all[0]?.coordination,
    };
  },
};

async function compare(count) {
  const tabs = roster.size;
  const chosen = modes.filter((mode) => !radio(mode).disabled);
  await exclusively(count * chosen.length, async (signal) => {
    results.begin(count * chosen.length, "Comparing…");
    const lost = [];
    for (const mode of chosen) {
      const all = await storms({ mode, tabs, count, session: stormSession, signal });
      lost.push(`${all.filter((r) => r.lost).length} with ${names[mode]}`);
    }
    results.end(`Sessions lost, of ${count} each: ${lost.join(", ")}.`);
  });
}

// The page

const radio = (mode) => $("modes").querySelector(`[value="${mode}"]`);
const chosenMode = () => $("modes").querySelector(":checked").value;

function choose(mode) {
  radio(mode).checked = true;
  sessionStorage.setItem(rememberedMode, mode);
  announce();
}

/** Lets the tabs open their clients ahead of the storm. */
const announce = () => channel.postMessage({ type: "mode", mode: chosenMode(), session: stormSession });

/** Does what a button says, and shows what goes wrong. */
function onClick(id, action) {
  $(id).addEventListener("click", async () => {
    $("trouble").textContent = "";
    try {
      await action();
    } catch (error) {
      if (error.name === "AbortError") results.end(`Cancelled after ${results.all.length} storms.`);
      else $("trouble").textContent = `That did not work: ${error.message}.`;
    }
  });
}

/** Brings the results into view where they are below the buttons. */
function watch(storms) {
  const stage = document.querySelector(".stage");
  if (stage.getBoundingClientRect().top > innerHeight / 2) stage.scrollIntoView();
  return storms;
}

const own = new OwnSession({ channel, answers, roster, results, join, chosenMode, exclusively, onClick, update });

function update() {
  const idle = !running;
  const ready = idle && roster.size > 0;
  $("open").textContent = roster.size;
  for (const id of ["one", "fifty", "compare"]) $(id).disabled = !ready;
  for (const id of ["open-tabs", "close-tabs"]) $(id).disabled = !idle;
  $("close-tabs").hidden = roster.size === 0;
  $("running").hidden = idle;
  own.update(idle);
  if (roster.size > 0 && $("verdict").dataset.state === "closed") {
    $("verdict").dataset.state = "";
    $("verdict").textContent = "Ready for a storm.";
  }
}

onClick("open-tabs", async () => {
  $("blocked").textContent = "";
  const count = Math.min(Math.max($("count").valueAsNumber || 1, 1), 20);
  await roster.muster(count).catch((error) => {
    $("blocked").textContent = `${error.message}. The browser may block pop-ups: allow them for this page, or press again, as each press opens one.`;
  });
});
onClick("close-tabs", () => roster.dismiss());
onClick("one", () => watch(demo.runStorms({ mode: chosenMode(), tabs: roster.size, storms: 1 })));
onClick("fifty", () => watch(demo.runStorms({ mode: chosenMode(), tabs: roster.size, storms: 50 })));
onClick("compare", () => watch(compare(50)));
onClick("cancel", () => demo.cancel());

$("modes").addEventListener("change", () => {
  choose(chosenMode());
  update();
});

roster.addEventListener("change", () => {
  results.lanes = roster.size;
  if (!running) chart.show(roster.size);
  announce();
  update();
});

async function isBuilt() {
  const { ok } = await fetch("/dist/index.js", { method: "HEAD" });
  if (ok) return;
  radio("onerefresh").disabled = true;
  if (chosenMode() === "onerefresh") choose("none");
  $("built").textContent = "Not built. Run make npm, and reload this page.";
}

radio(sessionStorage.getItem(rememberedMode) ?? "none").checked = true;
chart.show(0);
update();
followSettings();
await isBuilt();
await own.resume();
