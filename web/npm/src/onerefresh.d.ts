/**
 * The global that the script tag makes. A program that uses it refers to this
 * file: `/// <reference types="onerefresh/onerefresh.js" />`.
 *
 * @packageDocumentation
 */

import type * as api from "./index.js";

declare global {
  /** @see [RFC 6749 section 6](https://www.rfc-editor.org/rfc/rfc6749#section-6) */
  var onerefresh: typeof api;
}
