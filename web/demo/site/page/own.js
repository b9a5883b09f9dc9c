import { begin, finish } from "./login.js";
import { conclude } from "./results.js";
import { expire, ledger } from "./storm.js";

const $ = (id) => document.getElementById(id);
const session = "own";
const key = "demo:own"; // in localStorage, by mode: the grant, which is no secret

/** The session of whoever signed in by hand. Every mode has its own. */
export class OwnSession {
  #page;
  #followed = new WeakSet();

  constructor(page) {
    this.#page = page;
    page.onClick("sign-in", () => this.#begin());
    page.onClick("sign-out", () => this.#end());
    page.onClick("expire", () => this.#expire());
  }

  /** Goes on where the page left for the login page. */
  async resume() {
    try {
      const back = await finish();
      if (back) {
        await (await this.#join(back.mode)).signIn(back.response);
        await this.#remember(back.mode, back.response.grant);
      }
      const mode = this.#page.chosenMode();
      if (mode === "bff") await this.#remember(mode, await (await this.#join(mode)).grant());
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

  async #begin() {
    const mode = this.#page.chosenMode();
    const client = await this.#join(mode);
    if (client.beginSignIn) client.beginSignIn();
    else await begin(mode);
  }

  async #expire() {
    const { channel, answers, roster, results, chosenMode, exclusively } = this.#page;
    await exclusively(1, async (signal) => {
      results.begin(1, "The access token has expired…");
      const mode = chosenMode();
      await this.#join(mode);
      const result = await expire({ channel, answers, mode, session, grant: this.#known().grant, tabs: roster.tabs, signal });
      results.add(result);
      results.end(conclude([result]));
      if (result.lost) await this.#end();
    });
  }

  async #end() {
    const mode = this.#page.chosenMode();
    await (await this.#join(mode)).signOut();
    await this.#remember(mode, undefined);
    this.update(true);
  }

  /** Resolves with the client, whose sign-out in any tab is one here, too. */
  async #join(mode) {
    const client = await this.#page.join(mode, session);
    if (!this.#followed.has(client)) {
      this.#followed.add(client);
      client.addEventListener?.("signedout", async () => {
        await this.#remember(mode, undefined);
        this.#page.update();
      });
    }
    return client;
  }

  #known() {
    return JSON.parse(localStorage.getItem(key))?.[this.#page.chosenMode()];
  }

  async #remember(mode, grant) {
    const known = grant && { grant, user: (await ledger(grant)).user };
    localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), [mode]: known }));
  }
}
