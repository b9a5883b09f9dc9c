import { session } from "../session";
import { notifications } from "../fhir-subscription";
import { listen, withToken } from "../websocket";
import { expose } from "./tab";

const heard: string[] = [];
const controller = new AbortController();
let ended = "";
const end = (error: any) => (ended = error.name === "OneRefreshError" ? error.code : error.name);
const url = `${import.meta.env.VITE_API.replace(/^http/, "ws")}/stream`;

expose(session, async () => "", {
  heard, ended: () => ended, abort: () => controller.abort(),
  listen: () => void listen(url, withToken(), (data) => heard.push(data), controller.signal).catch(end),
  subscribe: () => void notifications("7", (bundle) => heard.push(JSON.stringify(bundle)), controller.signal).catch(end),
});
