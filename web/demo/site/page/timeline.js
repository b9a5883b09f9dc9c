// One storm as a picture: a lane for each tab, time to the right.

const ns = "http://www.w3.org/2000/svg";

const gutter = 34; // left of the lanes
const margin = 14; // right of them
const head = 30; // above them

/**
 * Draws into svg.
 * @param {SVGSVGElement} svg
 * @param {{tabs: number, result?: object}} o  tabs is the number of lanes while there is no result
 */
export function draw(svg, { tabs, result }) {
  const ghosts = !result && tabs === 0;
  const lanes = result?.reports.length ?? (tabs || 5);
  const step = lanes > 12 ? 20 : lanes > 7 ? 26 : 34;
  const width = svg.clientWidth || 640;
  const height = head + lanes * step + 6;
  const span = result ? scale(Math.max(result.ends.at(-1), result.revokedAt ?? 0) * 1.04) : 100;
  const x = (ms) => gutter + (ms / span) * (width - gutter - margin);
  const y = (lane) => head + (lane + 0.5) * step;

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.replaceChildren();
  const add = (name, attributes, text) => {
    const element = svg.appendChild(document.createElementNS(ns, name));
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const tick = ticks(span, width < 480 ? 3 : 6);
  for (let ms = 0; ms <= span; ms += tick) {
    add("line", { class: "grid", x1: x(ms), x2: x(ms), y1: head - 4, y2: height - 6 });
    add("text", { class: "tick", x: x(ms), y: head - 12, "text-anchor": "middle" }, ms === 0 ? "0 ms" : ms);
  }
  for (let lane = 0; lane < lanes; lane++) {
    if (!ghosts) add("text", { class: "lane", x: 0, y: y(lane) + 4 }, lane + 1);
    add("line", { class: "rest", x1: x(0), x2: width - margin, y1: y(lane), y2: y(lane) });
  }
  if (!result) return;

  if (result.revokedAt !== undefined) {
    const at = x(result.revokedAt);
    add("rect", { class: "revoked", x: at, y: head - 4, width: width - margin - at, height: height - head - 2 });
    add("line", { class: "revocation", x1: at, x2: at, y1: head - 4, y2: height - 6 });
  }
  result.reports.forEach((report, lane) => {
    for (const { kind, from, to, title } of segments(report)) {
      const [x1, x2] = [x(from - result.start), x(to - result.start)];
      const size = { waiting: 0, holding: step * 0.24, exchanging: step * 0.5, failing: step * 0.5 }[kind];
      const shape =
        size === 0
          ? add("line", { class: kind, x1, x2, y1: y(lane), y2: y(lane) })
          : add("rect", { class: kind, x: x1, y: y(lane) - size / 2, width: Math.max(x2 - x1, 2), height: size, rx: 2 });
      shape.appendChild(document.createElementNS(ns, "title")).textContent = `Tab ${lane + 1}: ${title}`;
    }
    if (result.lost) {
      const from = Math.max(x(result.revokedAt ?? 0), x(report.end - result.start));
      add("line", { class: "out", x1: from, x2: width - margin, y1: y(lane), y2: y(lane) });
    }
    mark(add, outcome(report), x(report.end - result.start), y(lane));
  });
}

/** What a tab ended with: own, adopted, served or failed. */
export function outcome({ error, notes }) {
  if (error) return "failed";
  const served = notes.findLast((n) => n.kind === "served");
  if (served) return served.ok ? "served" : "failed";
  return notes.some((n) => n.kind === "answered" && n.ok) ? "own" : "adopted";
}

function mark(add, kind, x, y) {
  if (kind === "failed") add("path", { class: "mark failed", d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8` });
  else add("circle", { class: `mark ${kind}`, cx: x, cy: y, r: 4.5 });
}

/** The stretches of a lane, in the order in which they are to be drawn. */
function segments({ notes, end }) {
  const all = [];
  const stretch = (kind, from, ends, title) => {
    const last = notes.slice(notes.indexOf(from)).find((n) => ends.includes(n.kind));
    const to = Math.min(last?.at ?? end, end);
    all.push({ kind, from: from.at, to, title: `${title} ${(to - from.at).toFixed(1)} ms` });
  };
  for (const n of notes) {
    if (n.at > end) break;
    if (n.kind === "waiting") stretch("waiting", n, ["holding", "left"], "waits for the lock");
    if (n.kind === "asking") stretch("waiting", n, ["served"], "waits for the backend");
    if (n.kind === "holding") stretch("holding", n, ["released"], "holds the lock");
    if (n.kind === "exchanging") {
      const answer = notes.slice(notes.indexOf(n)).find((n) => n.kind === "answered" || n.kind === "unanswered");
      if (answer && !answer.ok) stretch("failing", n, ["answered", "unanswered"], `is refused (${answer.status ?? "no answer"}) after`);
      else stretch("exchanging", n, ["answered"], "exchanges");
    }
  }
  return all;
}

/** The least round number that is not less than ms. */
function scale(ms) {
  const unit = 10 ** Math.floor(Math.log10(Math.max(ms, 10)));
  return [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((f) => f * unit).find((r) => r >= ms);
}

/** A round distance that makes at most count ticks of span. */
function ticks(span, count) {
  const unit = 10 ** Math.floor(Math.log10(span / count));
  return [1, 2, 2.5, 5, 10].map((f) => f * unit).find((t) => span / t <= count);
}
