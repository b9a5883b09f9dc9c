import { api, session } from "./session";
import { listen, Refused, type Greet } from "./websocket";

/** Notifications of a FHIR Subscription, as Medplum's server sends them; other servers have other words for the binding. */
export const notifications = (subscription: string, onBundle: (bundle: unknown) => void, signal: AbortSignal) =>
  listen(`${api.replace(/^http/, "ws")}/ws/subscriptions-r4`, bind(subscription), (data) => onBundle(JSON.parse(data)), signal);

/** The WebSocket gets a token that is good for this subscription alone, and which session.fetch asks for. */
function bind(subscription: string): Greet {
  return async ({ signal }) => {
    const response = await session.fetch(`${api}/fhir/R4/Subscription/${subscription}/$get-ws-binding-token`, { signal });
    if ([401, 403, 404, 410].includes(response.status)) throw new Refused(`no such subscription: ${response.status}`);
    if (!response.ok) throw new Error(`no binding token: ${response.status}`); // the next attempt may have one
    const { parameter } = (await response.json()) as { parameter: { name: string; valueString?: string }[] };
    const token = parameter.find(({ name }) => name === "token")?.valueString;
    return JSON.stringify({ type: "bind-with-token", payload: { token } });
  };
}
