// WebAssembly's promise functions, on top of the synchronous constructors: the engine's own ones wait for an
// event loop that is not there.
import { construct, defineProperty, deleteProperty } from "../primordials.js";

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
}

// Runs that do not ask for it find no WebAssembly: it is absent in the image that all are forked from.
export function removeWebAssembly() {
  deleteProperty(globalThis, "WebAssembly");
}

export function restoreWebAssembly() {
  if (native === undefined) return;
  defineProperty(globalThis, "WebAssembly", { value: native, writable: true, enumerable: false, configurable: true });
}
