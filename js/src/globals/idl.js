// What Web IDL says about how interfaces look from script (section 3.7): operations and attributes are
// enumerable, constructors are not, and every prototype carries its name.
import { defineProperty, getOwnPropertyDescriptor, ownKeys } from "../primordials.js";

const attributes = { writable: true, enumerable: false, configurable: true };

export function defineGlobal(name, value) {
  defineProperty(globalThis, name, { ...attributes, value });
}

export function defineFunctions(functions) {
  for (const name in functions)
    defineProperty(globalThis, name, { ...attributes, enumerable: true, value: functions[name] });
}

// The name is given because the bundler may have changed the class's own.
export function defineInterface(name, Interface, { constants = {} } = {}) {
  defineProperty(Interface, "name", { value: name, configurable: true });
  dress(Interface.prototype, name);
  for (const key of ownKeys(Interface)) {
    if (key === "prototype" || key === "name" || key === "length") continue;
    const descriptor = getOwnPropertyDescriptor(Interface, key);
    if (typeof key === "string") defineProperty(Interface, key, { ...descriptor, enumerable: true });
  }
  for (const key in constants) {
    const constant = { value: constants[key], writable: false, enumerable: true, configurable: false };
    defineProperty(Interface, key, constant);
    defineProperty(Interface.prototype, key, constant);
  }
  defineGlobal(name, Interface);
}

// Enumerable members and a toStringTag for a prototype that is not itself reachable by a global.
export function dress(prototype, name) {
  for (const key of ownKeys(prototype)) {
    if (key === "constructor" || typeof key !== "string") continue;
    defineProperty(prototype, key, { ...getOwnPropertyDescriptor(prototype, key), enumerable: true });
  }
  defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

export function requireArguments(count, given, where) {
  if (given < count)
    throw new TypeError(`${where}: ${count} argument${count === 1 ? "" : "s"} required, but only ${given} present.`);
}
