/**
 * The global that the script tag of the formats makes. A program that uses it
 * refers to this file: `/// <reference types="onerefresh/onerefresh-formats.js" />`.
 *
 * @packageDocumentation
 */

import type * as formats from "./formats.js";

declare global {
  /** @see [RFC 6749 section 1.5](https://www.rfc-editor.org/rfc/rfc6749#section-1.5) */
  var onerefreshFormats: typeof formats;
}
