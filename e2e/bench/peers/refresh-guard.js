// https://www.npmjs.com/package/refresh-guard, with a store of one's own.
import { createTokenManager } from "refresh-guard";
import { exchange } from "./lib/exchange.js";

export const inMemory = true;

export function open(name) {
  const store = {
    get: async () => JSON.parse(localStorage.getItem(name)),
    set: async (credentials) => localStorage.setItem(name, JSON.stringify(credentials)),
  };
  const credentials = (answer) => ({ ...answer, expires_at: Date.now() + 1000 * answer.expires_in });
  const manager = createTokenManager({ store, refresh: async (previous) => credentials(await exchange(previous.refresh_token)) });
  return {
    getAccessToken: () => manager.getValidToken(),
    signIn: (answer) => store.set(credentials(answer)),
  };
}
