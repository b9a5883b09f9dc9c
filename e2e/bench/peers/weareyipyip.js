// https://www.npmjs.com/package/@weareyipyip/multitab-token-refresh
import { TokenService } from "@weareyipyip/multitab-token-refresh";
import { exchange } from "./lib/exchange.js";

const year = 365 * 24 * 3600;

const tokens = (answer) => ({
  accessToken: answer.access_token, accessTokenExp: Math.floor(Date.now() / 1000) + answer.expires_in,
  refreshToken: answer.refresh_token, refreshTokenExp: Math.floor(Date.now() / 1000) + year,
});

export function open(name) {
  const service = new TokenService(
    async (refreshToken, setLoggedOut) => {
      try {
        return tokens(await exchange(refreshToken));
      } catch (error) {
        if (error.status === 400) setLoggedOut();
        throw error;
      }
    },
    { storageKey: name, lockName: name },
  );
  return {
    getAccessToken: () => service.getAccessToken(),
    signIn: (answer) => service.setStatus(tokens(answer)),
  };
}
