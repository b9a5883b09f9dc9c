// The interceptor that is in every tutorial: one refresh at a time in each tab, and a queue for those who wait.
import axios from "axios";
import { expose } from "./tab";

const api = axios.create({ baseURL: import.meta.env.VITE_API });
let refreshing = false;
let queue: { resolve(token: string): void; reject(error: unknown): void }[] = [];

api.interceptors.request.use((config) => {
  config.headers.set("Authorization", `Bearer ${localStorage.getItem("access_token")}`);
  return config;
});

api.interceptors.response.use((response) => response, async (error) => {
  const original = error.config;
  if (error.response?.status !== 401 || original._retry) throw error;
  original._retry = true;
  if (refreshing) {
    await new Promise((resolve, reject) => queue.push({ resolve, reject }));
    return api(original);
  }
  refreshing = true;
  try {
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "spa", refresh_token: localStorage.getItem("refresh_token")! });
    const { data } = await axios.post("/token", body);
    localStorage.setItem("access_token", data.access_token);
    localStorage.setItem("refresh_token", data.refresh_token);
    queue.forEach(({ resolve }) => resolve(data.access_token));
    return api(original);
  } catch (failure) {
    queue.forEach(({ reject }) => reject(failure));
    throw failure;
  } finally {
    refreshing = false;
    queue = [];
  }
});

expose(undefined, (id) => api.get(`/things?id=${id}`).then(({ status }) => status, (error) => error.response?.status ?? error.code), {
  signIn: ({ access_token, refresh_token }: Record<string, string>) => {
    localStorage.setItem("access_token", access_token);
    localStorage.setItem("refresh_token", refresh_token);
  },
});
