import axios from "axios";
import { api as baseURL, session } from "./session";

/** With axios 1.12 or later: session.fetch does what the interceptors would. */
export const api = axios.create({
  baseURL,
  adapter: "fetch",
  env: { fetch: (input, init) => session.fetch(input, init) },
});
