// Sessions lost per 100 storms: a bar for each mode, over all runs with the
// same number of tabs.

const key = "demo:tallies"; // in sessionStorage, so that signing in does not wipe the chart

export class Chart {
  #table;
  #tallies = JSON.parse(sessionStorage.getItem(key)) ?? {};

  /** @param {HTMLTableElement} table */
  constructor(table) {
    this.#table = table;
  }

  /** Counts storms of one mode. */
  add(mode, tabs, results) {
    const tally = ((this.#tallies[tabs] ??= {})[mode] ??= { storms: 0, lost: 0, exchanges: 0, last: [] });
    for (const { lost, exchanges, ends } of results) {
      tally.storms++;
      tally.lost += lost;
      tally.exchanges += exchanges;
      tally.last.push(Math.round(ends.at(-1)));
    }
    sessionStorage.setItem(key, JSON.stringify(this.#tallies));
    this.show(tabs);
  }

  /** Shows what is known for a number of tabs. */
  show(tabs) {
    this.#table.querySelector("caption span").textContent = tabs ? `, ${tabs} ${tabs === 1 ? "tab" : "tabs"}` : "";
    for (const row of this.#table.tBodies[0].rows) fill(row, this.#tallies[tabs]?.[row.dataset.mode]);
  }
}

function fill(row, tally) {
  const set = (name, text) => (row.querySelector(`.${name}`).textContent = text);
  const { style } = row.querySelector(".bar");
  row.classList.toggle("empty", !tally);
  const { storms, lost, exchanges, last } = tally ?? { storms: 0, lost: 0, exchanges: 0, last: [] };
  const [low, high] = storms ? interval(lost, storms) : [0, 0];
  style.setProperty("--share", storms && lost / storms);
  style.setProperty("--low", low);
  style.setProperty("--high", high);
  row.querySelector(".figure").classList.toggle("none", storms > 0 && lost === 0);
  set("figure", storms ? Number(((100 * lost) / storms).toFixed(1)) : "–");
  set("n", storms || "");
  set("exchanges", storms ? (exchanges / storms).toFixed(2) : "");
  set("last", storms ? `${median(last).toFixed(0)} ms` : "");
}

/** Wilson's 95 % interval of a share. */
function interval(hits, n) {
  const z = 1.96;
  const p = hits / n;
  const centre = p + (z * z) / (2 * n);
  const spread = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const whole = 1 + (z * z) / n;
  return [Math.max(0, (centre - spread) / whole), Math.min(1, (centre + spread) / whole)];
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}
