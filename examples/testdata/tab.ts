// What the tests use in their tabs.
import type { Session } from "onerefresh";

declare global {
  interface Window {
    tab: object;
  }
}

const code = (error: any): string => String(error.code ?? error.cause?.code ?? error.name);

/** Makes a recipe known to the test. ask asks the API for something, and resolves to the status. */
export function expose(session: Session | undefined, ask: (id: string) => Promise<unknown>, more: object = {}) {
  const events: string[] = [];
  for (const type of ["signedin", "signedout"]) session?.addEventListener(type, () => events.push(type));
  window.tab = { ...more, session, events, ask: (id: string) => ask(id).then(String, code) };
}
