// What the tests of faults use in their tabs.
import { open } from "/dist/index.js";

window.tab = {
  events: [],
  /** @type {Promise<object>} the session that was joined last */
  ready: new Promise(() => {}),
  signIn: async (response) => (await tab.ready).signIn(response),
  signOut: async () => (await tab.ready).signOut(),
};

window.join = async (options = {}) => {
  const session = await open({
    name: "visit", tokenEndpoint: "/token", revocationEndpoint: "/revoke", clientId: "demo",
    exchangeTimeout: 30_000, lockTimeout: 60_000, ...options }); // no test waits for these by accident
  for (const type of ["refreshed", "adopted", "signedin", "signedout", "refresherror"]) {
    session.addEventListener(type, ({ detail }) => tab.events.push({ type, detail }));
  }
  tab.ready = Promise.resolve(session);
  return session;
};

window.ask = async (options, session = tab.ready) => {
  const begin = performance.now();
  const asked = performance.timeOrigin + begin; // a page's Date may be set by a test
  const result = await (await session).getAccessToken(options).then(
    (token) => ({ token }),
    ({ code, message, retryAfter, ended }) => ({ code, message, retryAfter, ended }));
  return { ...result, asked, ms: performance.now() - begin };
};

for (const type of ["freeze", "resume"]) {
  document.addEventListener(type, () => { window.frozen = type === "freeze"; });
}

window.saw = (type) => tab.events.filter((event) => event.type === type).length;

// Holds the next token request back for ever: "send" before it is sent,
// "answer" when its answer was received whole.
window.holdAt = (moment) => {
  const { fetch } = window;
  const never = new Promise(() => {});
  window.fetch = async (url, init) => {
    if (!String(url).endsWith("/token")) return fetch(url, init);
    if (moment === "send") { window.reached = true; return never; }
    const response = await fetch(url, init);
    await response.text();
    response.text = () => { window.reached = true; return never; };
    return response;
  };
};
