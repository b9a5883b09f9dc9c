// Injected into the bundle of the script tag, where there is no import.meta:
// currentScript is known only while the script is evaluated.
export const scriptURL = globalThis.document?.currentScript?.src;
