// Calls with a valid token.
const { peer, name } = Object.fromEntries(new URLSearchParams(location.search));
const { open } = await import(`/built/${peer}.js`);
const client = await open(name, {});
const isolated = crossOriginIsolated; // or the clock would have 100 µs

window.hot = {
  isolated,
  ask: () => client.getAccessToken().then((token) => ({ token: token ?? null }), (error) => ({ error: String(error) })),

  /** µs a call, of calls that wait for each other, for about ms. */
  async calls(ms) {
    let n = 0;
    const start = performance.now();
    do {
      for (let i = 0; i < 20; i++) await client.getAccessToken();
      n += 20;
    } while (performance.now() < start + ms);
    return (1000 * (performance.now() - start)) / n;
  },

  /** ms for 1,000 calls at once, the mean of several times. */
  async burst(ms) {
    let n = 0;
    const start = performance.now();
    do {
      await Promise.all(Array.from({ length: 1000 }, () => client.getAccessToken()));
      n++;
    } while (performance.now() < start + ms);
    return (performance.now() - start) / n;
  },
};
