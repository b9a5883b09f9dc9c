// Tabs that wake at the same moment would all have Go begin with a refresh, of
// which all but one come to nothing, and keep the processors from the one that
// is to be sent. So one tab goes ahead, and the others give it a moment. That is
// a courtesy: Go decides who refreshes.

/** How long tabs give way, in ms: the refresh is sent by then, and what they do while the server thinks disturbs nobody. */
const courtesy = 100;

/** @type {Map<string, {begin: Promise<void>, end: () => void}>} the turns of this page by name */
const turns = new Map();

/**
 * Returns a promise that resolves when this page may begin: at once, unless
 * another page is ahead of it, and after a moment in any case. Whoever has
 * begun calls end when there is nothing left to do.
 * @param {string} name  of the Web Lock by which pages know of each other
 */
export function turn(name) {
  if (!turns.has(name)) {
    let end;
    const moment = new Promise((resolve) => {
      end = resolve;
      setTimeout(resolve, courtesy);
    });
    turns.set(name, { begin: Promise.race([moment, ahead(name, moment)]), end });
    moment.then(() => turns.delete(name));
  }
  return turns.get(name);
}

/** Resolves if nobody is ahead of this page, which then is for a moment. */
function ahead(name, moment) {
  return new Promise((resolve) => {
    const request = async () =>
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        if (!lock) return;
        resolve();
        return moment;
      });
    request().catch(() => resolve());
  });
}
