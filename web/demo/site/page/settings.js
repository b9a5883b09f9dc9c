import { ask } from "./storm.js";

const $ = (id) => document.getElementById(id);

/** Shows the server's settings, and changes them with the sliders. */
export async function followSettings() {
  const show = ({ latency_before_ms: latency, grace_period_ms: grace }) => {
    $("latency").value = latency;
    $("latency-shown").textContent = `${latency} ms`;
    $("grace").value = grace / 1000;
    $("grace-shown").textContent = grace === 0 ? "never" : `${grace / 1000} s`;
  };
  const settings = () => ({ latency_before_ms: $("latency").valueAsNumber, grace_period_ms: 1000 * $("grace").valueAsNumber });
  for (const id of ["latency", "grace"]) {
    $(id).addEventListener("input", () => show(settings()));
    $(id).addEventListener("change", async () => {
      show(await ask("/demo/settings", { method: "PUT", body: JSON.stringify(settings()) }));
    });
  }
  show(await ask("/demo/settings"));
}
