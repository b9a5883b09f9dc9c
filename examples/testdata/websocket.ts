import { session } from "../session";
import { notifications } from "../fhir-subscription";
import { listen, Refused, withToken } from "../websocket";
import { expose } from "./tab";

const heard: string[] = [];
const controller = new AbortController();
let ended = "";
const end = (error: any) => (ended = error.name === "OneRefreshError" ? error.code : error instanceof Refused ? "Refused" : error.name);
const server = import.meta.env.VITE_API.replace(/^http/, "ws");

expose(session, async () => "", {
  heard, ended: () => ended, abort: () => controller.abort(),
  listen: (path = "/stream") => void listen(server + path, withToken(), (data) => heard.push(data), controller.signal).catch(end),
  subscribe: () => void notifications("7", (bundle) => heard.push(JSON.stringify(bundle)), controller.signal).catch(end),
});
