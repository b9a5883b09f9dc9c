import { nodeResolve } from "@rollup/plugin-node-resolve";
import { readFile } from "node:fs/promises";

const wasm = {
  name: "onerefresh.wasm",
  async generateBundle() {
    const source = await readFile(new URL(import.meta.resolve("onerefresh/onerefresh.wasm")));
    this.emitFile({ type: "asset", fileName: "onerefresh.wasm", source });
  },
};

export default {
  input: "main.js",
  output: { dir: "dist", format: "es" },
  plugins: [nodeResolve(), wasm],
};
