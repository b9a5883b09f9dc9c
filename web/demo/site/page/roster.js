/** Where the control page talks to the tabs. No message holds a token. */
export const channelName = "onerefresh-demo";

/** Where the tabs answer: a tab must not be kept busy by what the others say. */
export const answersName = "onerefresh-demo-answers";

const rollEvery = 1000; // ms
const openWithin = 4000; // ms, from one tab to the next

/**
 * Knows which tabs are open: they say so when they come and go, and a roll is
 * called for those that crashed. Its change event tells that the number changed.
 */
export class Roster extends EventTarget {
  #channel;
  #roll = 0;
  /** @type {Map<string, number>} tab to the roll that it answered last, in the order in which they came */
  #seen = new Map();

  /** @param {BroadcastChannel} channel @param {BroadcastChannel} answers */
  constructor(channel, answers) {
    super();
    this.#channel = channel;
    answers.addEventListener("message", ({ data }) => this.#hear(data));
    this.#call();
    setInterval(() => this.#call(), rollEvery);
  }

  get size() {
    return this.#seen.size;
  }

  /** The tabs' ids, the oldest first. */
  get tabs() {
    return [...this.#seen.keys()];
  }

  /** Resolves with count tabs, and opens those that are missing. */
  async muster(count) {
    for (let missing = count - this.size; missing > 0; missing--) {
      window.open("/tab", "_blank", "noopener"); // without an opener it gets a process of its own
    }
    await this.#reach(count);
    return this.tabs.slice(0, count);
  }

  /** Closes all tabs. */
  dismiss() {
    this.#channel.postMessage({ type: "close" });
  }

  #reach(count) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.removeEventListener("change", look);
        settle(value);
      };
      const late = () => end(reject, new Error(`${this.size} of ${count} tabs are open`));
      let timer;
      const look = () => {
        clearTimeout(timer);
        if (this.size >= count) end(resolve);
        else timer = setTimeout(late, openWithin);
      };
      this.addEventListener("change", look);
      look();
    });
  }

  #hear({ type, tab }) {
    const before = this.size;
    if (type === "here") this.#seen.set(tab, this.#roll);
    if (type === "gone") this.#seen.delete(tab);
    if (this.size !== before) this.#tell();
  }

  #call() {
    const before = this.size;
    for (const [tab, roll] of this.#seen) {
      if (roll < this.#roll - 2) this.#seen.delete(tab);
    }
    if (this.size !== before) this.#tell();
    this.#roll++;
    this.#channel.postMessage({ type: "roll" });
  }

  #tell() {
    this.#channel.postMessage({ type: "roster", tabs: this.tabs });
    this.dispatchEvent(new Event("change"));
  }
}
