import { open } from "onerefresh";

window.session = await open({ name: "app", tokenEndpoint: "/token", clientId: "demo" });
