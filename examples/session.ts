import { open } from "onerefresh";

/** Where your API is. */
export const api = import.meta.env.VITE_API;

/** The one session of the page: every module that imports it shares it. */
export const session = await open({
  name: "my app",
  tokenEndpoint: "/token",
  revocationEndpoint: "/revoke",
  clientId: "spa",
  origins: [api],
});
