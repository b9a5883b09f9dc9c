// Tabs that wake at the same moment would all have Go begin with a refresh, of
// which all but one come to nothing, and keep the processors from the one that
// is to be sent. So one tab goes ahead, and the others give it a moment. That is
// a courtesy: Go decides who refreshes.

/** How long tabs give way, in ms: fifty that wake on two cores have sent the refresh by then, and most servers have answered. */
const courtesy = 250;

/** For how long a tab that is done stays ahead, in ms: the others know of its token by then, and need not begin. */
const lead = 30;

/** @type {Map<string, {begin: Promise<void>, end: () => void}>} the turns of this page by name */
const turns = new Map();

// A page that was left waits for nothing: with a lock that others want it would
// not be kept in the back/forward cache, and where it is not kept, Chromium 156
// lets it hold the lock for as long as the next page in that tab lives.
let left = false;
/** @type {Set<() => void>} ends the pauses of this page */
const ends = new Set();

function onVisit({ type }) {
  left = type === "pagehide";
  if (left) for (const end of ends) end();
}

/** Has to be called before the page is left for the first time. */
export function watchVisit() {
  addEventListener("pagehide", onVisit);
  addEventListener("pageshow", onVisit);
}

/** Returns a promise that resolves after so many ms, or when the page is left. */
const pause = (ms) =>
  new Promise((resolve) => {
    if (left) return resolve();
    ends.add(resolve);
    setTimeout(() => {
      ends.delete(resolve);
      resolve();
    }, ms);
  });

/**
 * Returns a promise that resolves when this page may begin: at once, unless
 * another page is ahead of it, and after a moment in any case. Whoever has
 * begun calls end when there is nothing left to do.
 * @param {string} name  of the Web Lock by which pages know of each other
 */
export function turn(name) {
  if (!turns.has(name)) {
    let end, begin;
    const moment = Promise.race([new Promise((resolve) => (end = resolve)), pause(courtesy)]);
    turns.set(name, { begin: new Promise((resolve) => (begin = resolve)), end });
    setTimeout(begin, courtesy); // not by pause: a page that was left begins when it is back
    goAhead(name, moment, begin)
      .catch(() => left || begin())
      .finally(() => turns.delete(name));
  }
  return turns.get(name);
}

/**
 * Calls begin when nobody is ahead of this page, which then is. The others wait
 * for the lock, which wakes none of them, and leave its queue when their moment
 * is over.
 */
async function goAhead(name, moment, begin) {
  if (left) return;
  const giveUp = new AbortController();
  moment.then(() => giveUp.abort());
  await navigator.locks.request(name, { signal: giveUp.signal }, () => {
    begin();
    return moment.then(() => pause(lead));
  });
}
