import { open } from "onerefresh";
import wasmURL from "onerefresh/onerefresh.wasm";

window.session = await open({ name: "app", tokenEndpoint: "/token", clientId: "demo", wasmURL });
