import defineGo, { build } from "wasm_exec"; // of the compiler of the wasm; the build supplies it
import { OneRefreshError, internal } from "./error.js";

// A download that stalls must not keep callers waiting for ever.
const downloadTimeout = 60_000;

/** @type {Promise<WebAssembly.Module> | undefined} kept: a fresh start needs no second download */
let compiled;
/** @type {Promise<Program> | undefined} the one of this page */
let running;

/**
 * Returns the page's Go program, and starts it if need be. A failure is
 * forgotten, so that the next call tries anew.
 * @param {{wasmURL?: URL, wasmIntegrity?: string, wasmModule?: WebAssembly.Module}} source
 * @returns {Promise<Program>}
 */
export function start(source) {
  if (!running) {
    const attempt = boot(source);
    attempt.catch(() => {
      if (running === attempt) running = undefined;
    });
    running = attempt;
  }
  return running;
}

async function boot(source) {
  try {
    compiled ??= load(source);
    const module = await compiled;
    const scope = {};
    defineGo(scope);
    const { Go, ...lent } = scope;
    const go = new Go();
    const program = new Program(go);
    await program.run(await WebAssembly.instantiate(module, go.importObject), lent);
    return program;
  } catch (cause) {
    compiled = undefined;
    throw new OneRefreshError("wasm_unavailable", `the WebAssembly module cannot be had: ${cause?.message}`, { cause });
  }
}

// In a form that bundlers recognize as a reference to a file to be kept.
const defaultURL = () => new URL("./onerefresh.wasm", import.meta.url);

/**
 * Returns the module that was built with this loader, and no other: what they
 * call each other with changes between versions. A cache may have the one of
 * the version before, which fetch refuses if there is a hash for it.
 */
async function load({ wasmURL, wasmIntegrity: integrity, wasmModule }) {
  for (const cache of ["default", "no-cache"]) {
    try {
      const module = wasmModule ?? (await compile(wasmURL ?? defaultURL(), { integrity, cache }));
      if (WebAssembly.Module.customSections(module, build).length) return module;
    } catch (cause) {
      if (!integrity || cache !== "default") throw cause;
    }
  }
  throw new Error(`it is of another version than the script, which is ${build}`);
}

async function compile(url, init) {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout?.(downloadTimeout) });
  if (!response.ok) throw new Error(`status ${response.status} for ${url}`);
  // compileStreaming rejects any other type, parameters included. See
  // https://webassembly.github.io/spec/web-api/#compile-a-potential-webassembly-response.
  if (WebAssembly.compileStreaming && /^application\/wasm$/i.test(response.headers.get("Content-Type")?.trim())) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/** A running Go program. */
class Program {
  /** @type {Map<Promise, (error: OneRefreshError) => void>} the promises that the program has yet to settle, and what rejects them */
  #pending = new Map();
  #go;
  #api;
  /** @type {OneRefreshError | undefined} */
  #death;

  constructor(go) {
    this.#go = go;
    go.exit = () => {}; // resume notices
    const resume = go._resume;
    go._resume = () => {
      if (this.#death) return; // a callback that outlived the program
      try {
        resume.call(go);
      } catch (cause) {
        this.#die(cause);
        throw cause;
      }
      if (go.exited) this.#die();
    };
  }

  async run(instance, lent) {
    const boot = { errorClass: OneRefreshError, ready: (api) => (this.#api = api) };
    let end;
    // Go looks for these on the global object, once, before its main blocks,
    // which is before run returns. Its global object has to be the real one:
    // the functions of a page do not work on a stand-in.
    lend({ ...lent, Promise: mortal(this.#pending), __onerefresh__: boot }, () => {
      end = this.#go.run(instance);
    });
    end.then(() => this.#die(), (cause) => this.#die(cause));
    await Promise.race([end, undefined]); // throws what main threw
    if (!this.#api) {
      this.#die();
      throw new Error("it ended before it was ready");
    }
  }

  /**
   * Opens a session. What it resolves to calls a method of that; a promise
   * that is pending when the program dies is rejected.
   * @param {object} config
   * @returns {Promise<(method: string, ...args: unknown[]) => Promise<any>>}
   */
  async open(config) {
    const handle = await this.#call(this.#api.open, config);
    return (method, ...args) => this.#call(handle[method], ...args);
  }

  async #call(f, ...args) {
    let result;
    try {
      result = f(...args);
    } catch (error) {
      if (!this.#death) throw error;
    }
    if (this.#death) throw this.#death;
    return result;
  }

  #die(cause = new Error("the Go program exited")) {
    if (this.#death) return;
    this.#death = internal("the WebAssembly module died; the next call starts another", cause);
    running = undefined;
    const go = this.#go;
    go._scheduledTimeouts?.forEach(clearTimeout); // those of TinyGo come to nothing
    go._scheduledTimeouts?.clear();
    go._pendingEvent = go._inst = go.mem = go._values = go._ids = undefined; // listeners may keep go itself
    for (const [promise, reject] of this.#pending) {
      promise.catch(() => {}); // it may not have got to whoever asked for it
      reject(this.#death);
    }
    this.#pending.clear();
  }
}

/**
 * Returns the class of the promises that a Go program makes. If it dies, those
 * that are pending are rejected: nobody waits for it any more, and the browser
 * lets go of a lock that it held.
 */
function mortal(pending) {
  return class extends Promise {
    static get [Symbol.species]() {
      return Promise;
    }

    static resolve(value) {
      return Promise.resolve(value);
    }

    constructor(executor) {
      let fail;
      super((resolve, reject) => {
        const settle = (how) => (value) => {
          pending.delete(this);
          how(value);
        };
        fail = reject;
        executor(settle(resolve), settle(reject)); // Go keeps them for later
      });
      pending.set(this, fail);
    }
  };
}

/** Calls during while the global object has the values given. */
function lend(values, during) {
  const before = [];
  try {
    for (const [name, value] of Object.entries(values)) {
      const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, descriptor?.configurable === false ? { value } : { value, configurable: true });
      before.push([name, descriptor]);
    }
    during();
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete globalThis[name];
    }
  }
}
