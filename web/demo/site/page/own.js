import { begin, finish } from "./login.js";
import { conclude } from "./results.js";
import { expire, ledger } from "./storm.js";

const $ = (id) => document.getElementById(id);
const session = "own";
const key = "demo:own"; // in localStorage, by mode: the grant, which is no secret

/** The session of whoever signed in by hand. Every mode has its own. */
export class OwnSession {
  #page;

  constructor(page) {
    this.#page = page;
    page.onClick("sign-in", () => begin(page.chosenMode()));
    page.onClick("sign-out", () => this.#end());
    page.onClick("expire", () => this.#expire());
  }

  /** Goes on where the page left for the login page. */
  async resume() {
    try {
      const back = await finish();
      if (!back) return;
      const client = await this.#page.join(back.mode, session);
      await client.signIn(back.response);
      const { grant, user } = await ledger(back.response.grant);
      this.#remember(back.mode, { grant, user });
    } catch (error) {
      $("trouble").textContent = `Signing in did not work: ${error.message}.`;
    }
    this.update(true);
  }

  update(idle) {
    const signedIn = this.#known();
    $("user").textContent = signedIn
      ? `Signed in as ${signedIn.user}. Expiry ends its access token now, and all tabs call the resource.`
      : "Nobody is signed in.";
    $("sign-in").hidden = Boolean(signedIn);
    $("sign-out").hidden = $("expire").hidden = !signedIn;
    $("sign-in").disabled = $("sign-out").disabled = !idle;
    $("expire").disabled = !idle || this.#page.roster.size === 0;
  }

  async #expire() {
    const { channel, answers, roster, results, join, chosenMode, exclusively } = this.#page;
    await exclusively(1, async (signal) => {
      results.begin(1, "The access token has expired…");
      const mode = chosenMode();
      await join(mode, session);
      const result = await expire({ channel, answers, mode, session, grant: this.#known().grant, tabs: roster.tabs, signal });
      results.add(result);
      results.end(conclude([result]));
      if (result.lost) await this.#end();
    });
  }

  async #end() {
    const mode = this.#page.chosenMode();
    await (await this.#page.join(mode, session)).signOut();
    this.#remember(mode, undefined);
    this.update(true);
  }

  #known() {
    return JSON.parse(localStorage.getItem(key))?.[this.#page.chosenMode()];
  }

  #remember(mode, grant) {
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), [mode]: grant }));
  }
}
