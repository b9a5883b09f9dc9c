// A Date that can be set ahead, as the clock of a laptop is after its sleep:
// access tokens expire at the same moment in all tabs that do so.
const Real = Date;
let ahead = 0;

/** @param {number} ms */
export const setAhead = (ms) => (ahead = ms);

globalThis.Date = class extends Real {
  static now() {
    return Real.now() + ahead;
  }

  constructor(...args) {
    if (args.length === 0) super(Real.now() + ahead);
    else super(...args);
  }
};
