import axios from "axios";
import { api as baseURL, session } from "./session";

declare module "axios" {
  interface AxiosRequestConfig {
    /** The access token with which the API has refused the request before. */
    rejected?: string;
  }
}

export const api = axios.create({ baseURL });

api.interceptors.request.use(async (config) => {
  const { origin } = new URL(api.getUri(config), location.href);
  if (origin !== new URL(baseURL).origin) return config; // nobody else is to see the token
  const { rejected, signal } = config;
  const token = await session.getAccessToken({ rejected, signal: signal as AbortSignal }).catch((error) => {
    if (!signal?.aborted) throw error; // if it is, axios says so itself, and sends nothing
  });
  config.headers.set("Authorization", `Bearer ${token}`);
  return config;
});

api.interceptors.response.use(undefined, async (error) => {
  const { config, response } = error;
  const sent = config?.headers.get("Authorization");
  if (response?.status !== 401 || !sent || config.rejected) throw error; // once is enough
  const reason = /\berror="?(\w+)/.exec(response.headers["www-authenticate"] ?? "")?.[1];
  if (reason && reason !== "invalid_token") throw error; // https://www.rfc-editor.org/rfc/rfc6750#section-3.1
  return api({ ...config, rejected: sent.slice("Bearer ".length) });
});
