// As the demonstration has it.
import { open as openMode } from "../../../web/demo/site/page/clients.js";

export const open = (name) => openMode("published", name);
