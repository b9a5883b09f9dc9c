import { draw, outcome } from "./timeline.js";

const $ = (id) => document.getElementById(id);

export const names = {
  none: "nothing",
  flight: "in-tab single-flight",
  published: "the published pattern",
  onerefresh: "onerefresh",
  bff: "a backend for the frontend",
};

const plural = (n, one, many = one + "s") => `${n} ${n === 1 ? one : many}`;

/** The storms of a run, as the page shows them. */
export class Results {
  #run = [];
  #shown; // the storm in the timeline
  #lanes = 0;

  constructor() {
    new ResizeObserver(() => this.#draw()).observe($("timeline"));
  }

  get all() {
    return this.#run;
  }

  /** Begins a run of count storms. */
  begin(count, verdict) {
    this.#run = [];
    this.#say(verdict);
    $("strip").hidden = count === 1;
    $("strip").lastElementChild.replaceChildren();
    this.#count();
  }

  add(result) {
    this.#run.push(result);
    this.#count();
    this.#square(result, this.#run.length);
    this.#show(result);
  }

  /** Says how the run ended. */
  end(verdict) {
    this.#say(verdict, this.#run.some((r) => r.lost) ? "lost" : "kept");
  }

  /** How many lanes there are while there is no storm to show. */
  set lanes(n) {
    this.#lanes = n;
    if (!this.#shown) this.#draw();
  }

  #show(result) {
    this.#shown = result;
    this.#draw();
    $("timeline").setAttribute("aria-label", `Timeline. ${describe(result)}`);
  }

  #draw() {
    draw($("timeline"), { tabs: this.#lanes, result: this.#shown });
  }

  #say(text, state = "") {
    $("verdict").textContent = text;
    $("verdict").dataset.state = state;
  }

  #count() {
    const sum = (f) => this.#run.reduce((n, r) => n + Number(f(r)), 0);
    $("n-storms").textContent = this.#run.length;
    $("n-exchanges").textContent = sum((r) => r.exchanges);
    $("n-reuse").textContent = sum((r) => r.reuse);
    $("n-lost").textContent = sum((r) => r.lost);
    $("n-lost").classList.toggle("bad", sum((r) => r.lost) > 0);
  }

  /** Radio buttons, so that the arrow keys walk through the storms. */
  #square(result, number) {
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "storm";
    input.checked = true;
    input.className = result.lost ? "lost" : "kept";
    input.title = `Storm ${number}, ${names[result.mode]}: ${result.lost ? "lost" : "kept"}`;
    input.setAttribute("aria-label", input.title);
    input.addEventListener("change", () => this.#show(result));
    $("strip").lastElementChild.append(input);
  }
}

/** One storm in words. */
export function describe({ mode, reports, ends, exchanges, lost, reuse, revokedAt, withoutToken }) {
  const last = `${ends.at(-1).toFixed(0)} ms`;
  if (reuse) {
    const times = exchanges === 2 ? "twice" : `${exchanges} times`;
    return `Session lost. The refresh token was presented ${times}; at the second one, after ${revokedAt.toFixed(0)} ms, the server revoked the family.`;
  }
  if (mode === "bff") {
    if (lost) return `Session lost: ${withoutToken} of ${plural(reports.length, "tab")} did not get the resource.`;
    return `Session kept. ${plural(exchanges, "exchange")} by the backend, no token in any tab; the last had its answer after ${last}.`;
  }
  if (lost) return `Session lost: ${withoutToken} of ${plural(reports.length, "tab")} ended without a token.`;
  const adopted = reports.filter((r) => outcome(r) === "adopted").length;
  if (exchanges === 1) {
    return `Session kept. One exchange; ${plural(adopted, "tab")} adopted its token, the last after ${last}.`;
  }
  return `Session kept, with ${plural(exchanges, "exchange")} for one expiry; the last tab had its token after ${last}.`;
}

/** A run of one mode in words. */
export function conclude(run) {
  if (run.length === 1) return describe(run[0]);
  const lost = run.filter((r) => r.lost).length;
  return `${lost === 0 ? "None" : lost} of ${run.length} sessions lost with ${names[run[0].mode]}.`;
}
