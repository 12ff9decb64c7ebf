// AbortController and AbortSignal (DOM Standard, section 3).
import { setTimeoutHere } from "../timers.js";
import { DOMException } from "./dom-exception.js";
import { EventTarget, fire, handlerAttribute, setSignalHooks } from "./events.js";
import { defineInterface, requireArguments } from "./idl.js";

const secret = Symbol("signal");
const onabort = handlerAttribute("abort");
let abort, addAlgorithm, isSignal;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  #algorithms = new Set();
  #sources = new Set();
  #dependents = new Set();

  constructor(key) {
    if (key !== secret) throw new TypeError("Illegal constructor");
    super();
  }

  static {
    isSignal = (value) => typeof value === "object" && value !== null && #aborted in value;
    addAlgorithm = (signal, algorithm) => {
      if (signal.#aborted) return () => {};
      signal.#algorithms.add(algorithm);
      return () => signal.#algorithms.delete(algorithm);
    };
    const finish = (signal) => {
      const algorithms = [...signal.#algorithms];
      signal.#algorithms.clear();
      for (const algorithm of algorithms) algorithm();
      fire(signal, "abort");
    };
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
      const dependents = [];
      for (const dependent of signal.#dependents) {
        if (dependent.#aborted) continue;
        dependent.#aborted = true;
        dependent.#reason = signal.#reason;
        dependents.push(dependent);
      }
      finish(signal);
      for (const dependent of dependents) finish(dependent);
    };
  }

  static abort(reason = undefined) {
    const signal = new AbortSignal(secret);
    abort(signal, reason);
    return signal;
  }

  static timeout(milliseconds) {
    requireArguments(1, arguments.length, "AbortSignal.timeout");
    const ms = Number(milliseconds);
    if (!Number.isFinite(ms) || ms < 0 || ms > Number.MAX_SAFE_INTEGER)
      throw new TypeError("The timeout must be a number of milliseconds, not negative.");
    const signal = new AbortSignal(secret);
    setTimeoutHere(() => abort(signal, new DOMException("The operation timed out.", "TimeoutError")), ms, []);
    return signal;
  }

  static any(signals) {
    requireArguments(1, arguments.length, "AbortSignal.any");
    const list = [...signals];
    for (const signal of list)
      if (!isSignal(signal)) throw new TypeError("AbortSignal.any() takes a list of AbortSignals.");
    const result = new AbortSignal(secret);
    for (const signal of list)
      if (signal.#aborted) {
        result.#aborted = true;
        result.#reason = signal.#reason;
        return result;
      }
    for (const signal of list)
      for (const source of signal.#sources.size > 0 ? signal.#sources : [signal]) {
        source.#dependents.add(result);
        result.#sources.add(source);
      }
    return result;
  }

  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  get onabort() {
    return onabort.get(this);
  }
  set onabort(value) {
    onabort.set(this, value);
  }
}

class AbortController {
  #signal = new AbortSignal(secret);

  get signal() {
    return this.#signal;
  }
  abort(reason = undefined) {
    abort(this.#signal, reason);
  }
}

setSignalHooks({ is: isSignal, onAbort: addAlgorithm });

export function installAbort() {
  defineInterface("AbortController", AbortController);
  defineInterface("AbortSignal", AbortSignal);
  Object.defineProperty(AbortSignal, "length", { value: 0, configurable: true });
}

// A signal that follows another, as a Request's does.
export function followingSignal(signal) {
  return signal ? AbortSignal.any([signal]) : new AbortSignal(secret);
}

export { addAlgorithm, AbortSignal, isSignal };
