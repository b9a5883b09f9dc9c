import { OneRefreshError } from "./error.js";

/** The authorization servers that provider.go knows. */
export const providers = ["generic", "okta", "auth0", "entra", "google", "salesforce", "keycloak", "cognito", "workos",
  "supabase", "medplum", "hydra", "duende", "fusionauth", "logto"];

const invalid = (option, problem, cause) =>
  new OneRefreshError("invalid_options", `${option} ${problem}`, { cause });

/**
 * Returns what a session works with, or throws an error that names the option
 * that makes no sense.
 */
export function check(options) {
  if (options === null || typeof options !== "object") throw invalid("options", "must be an object");

  const has = (option) => options[option] !== undefined;
  const text = (option, { [option]: value } = options) => {
    if (value === undefined) return undefined;
    if (typeof value !== "string" || value === "") throw invalid(option, "must be a string, and not empty");
    // Go knows UTF-8 alone, and would make another name of it than the page.
    if (value.isWellFormed?.() === false) throw invalid(option, "must be well-formed Unicode");
    return value;
  };
  const number = (option, least) => {
    if (!has(option)) return undefined;
    if (!Number.isFinite(options[option]) || options[option] < least) {
      throw invalid(option, `must be a number ${least ? ">" : ">="} 0`);
    }
    return options[option];
  };
  const url = (option, value = options[option], base = globalThis.document?.baseURI ?? globalThis.location?.href) => {
    if (value === undefined) return undefined;
    let cause;
    try {
      if ((value && typeof value === "string") || value instanceof URL) return new URL(value, base);
    } catch (error) {
      cause = error;
    }
    throw invalid(option, "must be a URL", cause);
  };
  const http = (option, value, base) => {
    const parsed = url(option, value, base);
    if (parsed && !/^https?:$/.test(parsed.protocol)) throw invalid(option, "must be an http or https URL");
    return parsed;
  };

  const { format, refresh, wasmModule } = options;
  if (has("format") && !(format?.read && format.write)) throw invalid("format", "must have read and write");
  const name = text("name");
  if (!name) throw invalid("name", "is missing");
  if (has("tokenEndpoint") === has("refresh")) {
    throw invalid("tokenEndpoint", "or refresh must be given, and not both");
  }
  if (has("refresh") && typeof refresh !== "function") throw invalid("refresh", "must be a function");
  const clientId = text("clientId");
  for (const endpoint of ["tokenEndpoint", "revocationEndpoint"]) {
    if (has(endpoint) && !clientId) throw invalid("clientId", `is needed with ${endpoint}`);
  }
  const provider = text("provider");
  if (provider && !providers.includes(provider)) {
    throw invalid("provider", `must be one of ${providers.join(", ")}`);
  }
  if (has("origins") && !Array.isArray(options.origins)) throw invalid("origins", "must be an array");
  // By its tag, as a module may come from another realm.
  if (has("wasmModule") && Object.prototype.toString.call(wasmModule) !== "[object WebAssembly.Module]") {
    throw invalid("wasmModule", "must be a WebAssembly.Module");
  }
  const wasmIntegrity = text("wasmIntegrity");
  // What it cannot read, the browser does not check.
  // https://www.w3.org/TR/SRI/#parse-metadata
  if (wasmIntegrity && !/^sha(256|384|512)-[\w+/-]+={0,2}$/.test(wasmIntegrity)) {
    throw invalid("wasmIntegrity", "must be an integrity hash");
  }

  return {
    config: {
      name,
      storageKey: text("storageKey") ?? (format && text("key", format)) ?? "onerefresh:" + name,
      format,
      tokenEndpoint: http("tokenEndpoint")?.href,
      clientId,
      scope: text("scope"),
      revocationEndpoint: http("revocationEndpoint")?.href,
      provider,
      refresh,
      expiryMargin: number("expiryMargin", 0),
      exchangeTimeout: number("exchangeTimeout", Number.MIN_VALUE),
      lockTimeout: number("lockTimeout", Number.MIN_VALUE),
    },
    origins: new Set((options.origins ?? []).map((origin) => http("origins", origin, "about:blank").origin)),
    source: { wasmURL: url("wasmURL"), wasmIntegrity, wasmModule },
  };
}
