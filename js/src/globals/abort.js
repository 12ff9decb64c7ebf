// AbortController and AbortSignal (DOM Standard, section 3).
import { setTimeoutHere } from "../timers.js";
import { DOMException } from "./dom-exception.js";
import { EventTarget, fire, handlerAttribute, setSignalHooks } from "./events.js";
import { defineInterface, requireArguments } from "./idl.js";
import { bareArray, defineProperty, NativeSet, setAdd, setDelete, setForEach, setSize } from "../primordials.js";

const secret = Symbol("signal");
const onabort = handlerAttribute("abort");
let abort, addAlgorithm, follow, isSignal, reasonOf, throwIfAborted;

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason = undefined;
  #algorithms = new NativeSet();
  #sources = new NativeSet();
  #dependents = new NativeSet();

  constructor(key) {
    if (key !== secret) throw new TypeError("Illegal constructor");
    super();
  }

  static {
    isSignal = (value) => typeof value === "object" && value !== null && #aborted in value;
    throwIfAborted = (signal) => {
      if (signal.#aborted) throw signal.#reason;
    };
    reasonOf = (signal) => signal.#reason;
    follow = (result, signal) => {
      if (result.#aborted) return;
      if (signal.#aborted) {
        result.#aborted = true;
        result.#reason = signal.#reason;
        return;
      }
      const depend = (source) => {
        setAdd(source.#dependents, result);
        setAdd(result.#sources, source);
      };
      if (setSize(signal.#sources) > 0) setForEach(signal.#sources, depend);
      else depend(signal);
    };
    addAlgorithm = (signal, algorithm) => {
      if (signal.#aborted) return () => {};
      setAdd(signal.#algorithms, algorithm);
      return () => setDelete(signal.#algorithms, algorithm);
    };
    const finish = (signal) => {
      const algorithms = signal.#algorithms;
      signal.#algorithms = new NativeSet();
      setForEach(algorithms, (algorithm) => algorithm());
      fire(signal, "abort");
    };
    abort = (signal, reason) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason === undefined ? new DOMException("This operation was aborted", "AbortError") : reason;
      const dependents = bareArray();
      setForEach(signal.#dependents, (dependent) => {
        if (dependent.#aborted) return;
        dependent.#aborted = true;
        dependent.#reason = signal.#reason;
        dependents[dependents.length] = dependent;
      });
      finish(signal);
      for (let i = 0; i < dependents.length; i++) finish(dependents[i]);
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
    for (const signal of list) follow(result, signal);
    return result;
  }

  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    throwIfAborted(this);
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
  defineProperty(AbortSignal, "length", { value: 0, configurable: true });
}

// A signal that follows another, as a Request's does.
export function followingSignal(signal) {
  const result = new AbortSignal(secret);
  if (signal) follow(result, signal);
  return result;
}

export { addAlgorithm, AbortSignal, isSignal, reasonOf, throwIfAborted };
