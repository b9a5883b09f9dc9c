"use strict";

// The mechanisms that could make a hand-off of localStorage coherent, each as
// {read, write}: read returns the record to go on from, write replaces it. They
// run under an exclusive Web Lock in two tabs. "stores" is package stores, and
// "go plain" a plain store in the same program; for all others this is the
// measurement, not the product.

const key = "js-handoff";
const lockName = "onerefresh:handoff"; // that of package locks
const markPrefix = "js-handoff#";
const markFor = 2000; // ms
const zero = {generation: 0, id: ""};

const stored = () => JSON.parse(localStorage.getItem(key)) ?? zero;
const store = record => localStorage.setItem(key, JSON.stringify(record));
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

// caughtUp waits until localStorage shows generation, and returns the record
// and how long that took.
async function caughtUp(generation) {
  const begin = performance.now();
  let record = stored();
  while (record.generation < generation) {
    if (performance.now() - begin > 5000) throw new Error("localStorage did not catch up");
    await new Promise(resolve => {
      const timer = setTimeout(done, 1);
      addEventListener("storage", done);
      function done() {
        clearTimeout(timer);
        removeEventListener("storage", done);
        resolve();
      }
    });
    record = stored();
  }
  return {...record, waited: performance.now() - begin};
}

const settled = request => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

let opening;
function database() {
  return opening ??= (() => {
    const request = indexedDB.open("js-handoff", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("values");
    return settled(request);
  })();
}

async function getValue() {
  const db = await database();
  return settled(db.transaction("values").objectStore("values").get(key));
}

// putValue runs write inside the transaction, between the comparison and the
// put.
async function putValue(value, generation, write) {
  const tx = (await database()).transaction("values", "readwrite");
  const values = tx.objectStore("values");
  values.get(key).onsuccess = event => {
    if ((event.target.result?.generation ?? event.target.result ?? 0) >= generation) return tx.abort();
    write();
    values.put(value, key);
  };
  return new Promise((resolve, reject) => {
    tx.oncomplete = resolve;
    tx.onabort = () => reject(tx.error ?? new Error("conflict"));
  });
}

let letGo = () => {};
// mark holds a shared lock that is named for generation, in place of the one
// before it.
async function mark(generation) {
  letGo();
  await new Promise((granted, refused) => {
    const held = new Promise(resolve => {
      const timer = setTimeout(resolve, markFor);
      letGo = () => { clearTimeout(timer); resolve(); };
    });
    navigator.locks.request(markPrefix + generation, {mode: "shared"}, () => { granted(); return held; }).catch(refused);
  });
}

async function marked() {
  const {held} = await navigator.locks.query();
  return Math.max(0, ...held.filter(l => l.name.startsWith(markPrefix)).map(l => Number(l.name.slice(markPrefix.length))));
}

const mechanisms = {
  plain: {
    read: async () => stored(),
    write: async record => store(record),
  },
  marks: {
    read: async () => caughtUp(await marked()),
    write: async record => { store(record); await mark(record.generation); },
  },
  generation: {
    read: async () => caughtUp(await getValue() ?? 0),
    write: record => putValue(record.generation, record.generation, () => store(record)),
  },
  record: {
    read: async () => await getValue() ?? zero,
    write: record => putValue(record, record.generation, () => {}),
  },
};

// hold takes the lock, reads, awaits before, writes, calls after, and releases.
// It returns what was read and written, and times in ms.
function hold(mechanism, id, before, after) {
  if (mechanism === "stores") return goHold("stores", id, before, after);
  if (mechanism === "go plain") return goHold("plain", id, before, after);
  const {read, write} = mechanisms[mechanism];
  return navigator.locks.request(lockName, async () => {
    let begin = performance.now();
    const record = await read();
    let held = performance.now() - begin;
    await before?.();
    begin = performance.now();
    await write({generation: record.generation + 1, id});
    held += performance.now() - begin;
    after?.();
    return {read: record.id, wrote: id, held, waited: record.waited ?? 0};
  });
}

// handOff holds the lock count times, in turn with the other tab, which begins
// at the same time. Requests queue in order, so that the tabs alternate.
async function handOff(mechanism, tab, count, begin) {
  if (mechanism in {generation: 1, record: 1}) await database();
  if (begin > Date.now()) await pause(begin - Date.now());
  const holds = [];
  for (let i = 0; i < count; i++) holds.push(await hold(mechanism, tab + "#" + i));
  return holds;
}

// The ends of a writer. crash needs --js-flags=--allow-natives-syntax.
const crash = () => (0, eval)("%SystemBreak()");
const ends = {
  "crashes": {held: crash},
  "is closed": {held: () => close()},
  "navigates away": {held: () => { location = "away"; }},
  "releases, crashes": {released: crash},
};

// die takes the lock, waits until another tab is queued for it, writes, and
// ends this tab at once.
async function die(mechanism, id, end) {
  const queued = async () => {
    while (!(await navigator.locks.query()).pending.some(l => l.name === lockName)) await pause(1);
  };
  await hold(mechanism, id, queued, ends[end].held);
  ends[end].released?.();
}

const held = async () => (await navigator.locks.query()).held.some(l => l.name === lockName);

// attempt does without a lock, and returns what comes of it.
async function attempt(mechanism) {
  try {
    if (mechanism === "stores") return (await goAttempt()).coherent ? "coherent" : "plain";
    const {read, write} = mechanisms[mechanism];
    const record = await read();
    await write({generation: record.generation + 1, id: "attempt"});
    await read();
    return mechanism === "plain" ? "plain" : "coherent";
  } catch (e) {
    return e.cause?.name ?? e.name;
  }
}

// reset forgets everything that the mechanisms have stored. Package stores has
// to get by with a localStorage that somebody clears.
async function reset() {
  letGo();
  localStorage.clear();
  const tx = (await database()).transaction("values", "readwrite");
  tx.objectStore("values").clear();
  await new Promise(resolve => { tx.oncomplete = resolve; });
}
