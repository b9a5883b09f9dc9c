// No client: it knows beforehand which tab is to refresh. The others wait for
// the storage event. Nothing that shares a session can be faster.
import { exchange } from "./lib/exchange.js";

export function open(name, { first }) {
  const read = () => JSON.parse(localStorage.getItem(name));
  const signIn = (answer) => {
    localStorage.setItem(name, JSON.stringify({ ...answer, expires_at: Date.now() + 1000 * answer.expires_in }));
    return answer;
  };
  const event = () => new Promise((resolve) => {
    const hear = ({ key }) => {
      if (key !== name) return;
      removeEventListener("storage", hear);
      resolve(read().access_token);
    };
    addEventListener("storage", hear);
  });
  return {
    signIn,
    async getAccessToken() {
      const { access_token, refresh_token, expires_at } = read();
      if (Date.now() < expires_at) return access_token;
      return first ? signIn(await exchange(refresh_token)).access_token : event();
    },
  };
}
