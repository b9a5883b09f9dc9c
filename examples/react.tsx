import { useEffect, useState, useSyncExternalStore } from "react";
import { session } from "./session";

/** 0 if nobody is signed in, and another number after each sign-in, in whichever tab. */
let visit = Number(session.signedIn);
session.addEventListener("signedin", ({ detail }) => (visit = detail.generation));
session.addEventListener("signedout", () => (visit = 0));

function subscribe(changed: () => void) {
  session.addEventListener("signedin", changed);
  session.addEventListener("signedout", changed);
  return () => {
    session.removeEventListener("signedin", changed);
    session.removeEventListener("signedout", changed);
  };
}

export const useVisit = () => useSyncExternalStore(subscribe, () => visit, () => 0);

/** Use it in components that have the visit as their key: what it returns belongs to the user. */
export function useResource<T>(url: string) {
  const [state, setState] = useState<{ data?: T; error?: unknown }>({});
  useEffect(() => {
    const controller = new AbortController(); // Strict Mode mounts twice, and aborts the first request
    const { signal } = controller;
    const set = (state: { data?: T; error?: unknown }) => signal.aborted || setState(state);
    load<T>(url, signal).then((data) => set({ data }), (error) => set({ error }));
    return () => controller.abort();
  }, [url]);
  return state;
}

async function load<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await session.fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}
