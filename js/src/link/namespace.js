// Module namespace exotic objects (ECMA-262, section 10.4.6) by way of a Proxy.
import {
  create,
  defineProperty,
  getOwnPropertyDescriptor,
  hasOwn,
  NativeSet,
  ownKeys,
  preventExtensions,
  reflectGet,
  setAdd,
  setHas,
} from "../primordials.js";

const namespaces = new NativeSet();

export const isNamespace = (value) => setHas(namespaces, value);

// `getters`: export name -> function that reads the binding.
export function makeNamespace(getters) {
  const names = ownKeys(getters).sort();
  const target = create(null);
  for (let i = 0; i < names.length; i++)
    defineProperty(target, names[i], { value: undefined, writable: true, enumerable: true, configurable: false });
  defineProperty(target, Symbol.toStringTag, { value: "Module" });
  preventExtensions(target);

  const isExport = (key) => typeof key === "string" && hasOwn(getters, key);
  const handler = {
    __proto__: null,
    get: (_, key) => (isExport(key) ? getters[key]() : reflectGet(target, key)),
    set: () => false,
    deleteProperty: (_, key) => !hasOwn(target, key),
    getOwnPropertyDescriptor(_, key) {
      const descriptor = getOwnPropertyDescriptor(target, key);
      if (descriptor && isExport(key)) descriptor.value = getters[key]();
      return descriptor;
    },
    defineProperty(_, key, descriptor) {
      if (!isExport(key)) {
        const current = getOwnPropertyDescriptor(target, key);
        return current !== undefined && isSame(current, descriptor);
      }
      return isSame({ value: getters[key](), writable: true, enumerable: true, configurable: false }, descriptor);
    },
    setPrototypeOf: (_, prototype) => prototype === null,
  };
  const namespace = new Proxy(target, handler);
  setAdd(namespaces, namespace);
  return namespace;
}

const fields = ["configurable", "enumerable", "writable"];

function isSame(current, wanted) {
  if (hasOwn(wanted, "get") || hasOwn(wanted, "set")) return false;
  for (let i = 0; i < fields.length; i++)
    if (hasOwn(wanted, fields[i]) && wanted[fields[i]] !== current[fields[i]]) return false;
  return !hasOwn(wanted, "value") || Object.is(wanted.value, current.value);
}
