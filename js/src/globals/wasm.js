// WebAssembly's promise functions, on top of the synchronous constructors: the engine's own ones wait for an
// event loop that is not there.
import {
  construct,
  defineProperty,
  deleteProperty,
  getOwnPropertyDescriptor,
  isArrayBuffer,
  apply,
  reflectGet,
} from "../primordials.js";

let native;

export function installWebAssembly() {
  native = globalThis.WebAssembly;
  if (native === undefined) return;
  const { Module, Instance } = WebAssembly;
  const functions = {
    async compile(bytes) {
      return construct(Module, [bytes]);
    },
    async instantiate(source, imports = undefined) {
      if (source instanceof Module) return construct(Instance, [source, imports]);
      const module = construct(Module, [source]);
      return { module, instance: construct(Instance, [module, imports]) };
    },
  };
  for (const name in functions) defineProperty(functions[name], "length", { value: 1, configurable: true });
  for (const name in functions)
    defineProperty(WebAssembly, name, { value: functions[name], writable: true, enumerable: true, configurable: true });
  for (const name of ["compileStreaming", "instantiateStreaming", "JSTag"]) deleteProperty(WebAssembly, name);
  refuseSharedMemory();
}

const NO_SHARING = "Shared memory is not available here.";

// A SharedArrayBuffer, which the global object does not offer, would come with a shared memory.
function refuseSharedMemory() {
  const { Memory } = WebAssembly;
  const Ours = new Proxy(Memory, {
    __proto__: null,
    construct(target, args, newTarget) {
      let type = args[0];
      if (typeof type === "object" && type !== null) {
        // Each member is read once: what is seen here is what the engine sees.
        const copy = { __proto__: null };
        for (let i = 0; i < members.length; i++) {
          const value = reflectGet(type, members[i]);
          if (value !== undefined) copy[members[i]] = value;
        }
        if (copy.shared) throw new TypeError(NO_SHARING);
        type = copy;
      }
      return construct(target, [type], newTarget);
    },
  });
  defineProperty(Memory.prototype, "constructor", { value: Ours, writable: true, configurable: true });
  defineProperty(WebAssembly, "Memory", { value: Ours, writable: true, configurable: true });

  // Those that a module makes for itself.
  const keys = ["buffer", "toFixedLengthBuffer", "toResizableBuffer"];
  for (const key of keys) {
    const found = getOwnPropertyDescriptor(Memory.prototype, key);
    if (found === undefined) continue;
    const original = found.get ?? found.value;
    const guarded = {
      [key]() {
        const buffer = apply(original, this, []);
        if (!isArrayBuffer(buffer)) throw new TypeError(NO_SHARING);
        return buffer;
      },
    }[key];
    defineProperty(guarded, "name", { value: original.name, configurable: true });
    defineProperty(Memory.prototype, key, found.get ? { ...found, get: guarded } : { ...found, value: guarded });
  }
}

const members = ["address", "initial", "minimum", "maximum", "shared"];

// Runs that do not ask for it find no WebAssembly: it is absent in the image that all are forked from.
export function removeWebAssembly() {
  deleteProperty(globalThis, "WebAssembly");
}

export function restoreWebAssembly() {
  if (native === undefined) return;
  defineProperty(globalThis, "WebAssembly", { value: native, writable: true, enumerable: false, configurable: true });
}
