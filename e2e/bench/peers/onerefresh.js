import { open as openSession } from "onerefresh";

export const open = (name) => openSession({ name, tokenEndpoint: "/token", clientId: "demo" });
