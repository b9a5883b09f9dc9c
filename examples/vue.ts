import { readonly, shallowRef, toValue, watchEffect, type MaybeRefOrGetter } from "vue";
import { session } from "./session";

/** 0 if nobody is signed in, and another number after each sign-in, in whichever tab. */
const visit = shallowRef(Number(session.signedIn));
session.addEventListener("signedin", ({ detail }) => (visit.value = detail.generation));
session.addEventListener("signedout", () => (visit.value = 0));

export const useVisit = () => readonly(visit);

/** Loads again when the URL changes, or the user. */
export function useResource<T>(url: MaybeRefOrGetter<string>) {
  const data = shallowRef<T>();
  const error = shallowRef<unknown>();
  watchEffect((onCleanup) => {
    data.value = error.value = undefined;
    if (!visit.value) return;
    const controller = new AbortController();
    const { signal } = controller;
    onCleanup(() => controller.abort()); // also when the component is gone
    load<T>(toValue(url), signal).then(
      (loaded) => signal.aborted || (data.value = loaded),
      (reason) => signal.aborted || (error.value = reason),
    );
  });
  return { data, error };
}

async function load<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await session.fetch(url, { signal });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}
