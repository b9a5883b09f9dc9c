import { session } from "../session";
import { expose } from "./tab";

const told: unknown[] = [];
const { log } = console;
console.log = (...said) => { told.push(said); log(...said); };
await import("../events.js");
expose(session, (id) => session.fetch(`${import.meta.env.VITE_API}/things?id=${id}`).then(({ status }) => status), { told });
