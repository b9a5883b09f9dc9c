export default {
  mode: "production",
  entry: "./main.js",
  performance: { assetFilter: (name) => !name.endsWith(".wasm") },
};
