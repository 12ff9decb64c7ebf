// Headers (Fetch Standard, section 5.1).
import { defineInterface, dress, requireArguments } from "../globals/idl.js";
import {
  arrayJoin,
  arraySort,
  bareArray,
  defineProperty,
  getOwnPropertyDescriptor,
  matches,
  mapGet,
  mapSet,
  NativeMap,
  NativeWeakMap,
  ownKeys,
  stringSlice,
  toLowerCase,
  weakGet,
  weakSet,
  apply,
  charCodeAt,
} from "../primordials.js";
import { refuseAsResult } from "../result.js";
import { showAs } from "../inspect/inspect.js";
import { refuseToClone } from "../globals/structured-clone.js";

const MAX_HEADERS = 1000;
const name_ = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const badValue = /[\0\r\n]|[^\0-\xff]/;

const isBlank = (c) => c === 9 || c === 10 || c === 13 || c === 32;

function trimValue(value) {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(charCodeAt(value, start))) start++;
  while (end > start && isBlank(charCodeAt(value, end - 1))) end--;
  return stringSlice(value, start, end);
}

function without(list, key, from = 0) {
  const rest = bareArray();
  for (let i = 0; i < list.length; i++) if (i < from || list[i][0] !== key) rest[rest.length] = list[i];
  return rest;
}

function valuesOf(list, key) {
  const values = [];
  for (let i = 0; i < list.length; i++) if (list[i][0] === key) put(values, list[i][1]);
  return values;
}

// At the end of an ordinary array, whatever setters its prototypes have.
const put = (list, value) =>
  defineProperty(list, list.length, { value, writable: true, enumerable: true, configurable: true });

function byteString(value) {
  return `${value}`;
}

function checkName(name) {
  if (!matches(name_, name)) throw new TypeError(`'${stringSlice(name, 0, 100)}' is not a valid header name.`);
}

function checkValue(value) {
  if (matches(badValue, value)) throw new TypeError("The header value has characters that are not allowed.");
}

let listOf, guardOf, isHeaders, appendTo;

class Headers {
  #list = bareArray(); // [lower-case name, value]
  #guard = "none";

  static {
    isHeaders = (value) => typeof value === "object" && value !== null && #list in value;
    listOf = (headers) => headers.#list;
    appendTo = (headers, name, value) => {
      const entry = headers.#checked(name, value);
      const list = headers.#list;
      if (list.length >= MAX_HEADERS) throw new RangeError(`More than ${MAX_HEADERS} headers.`);
      list[list.length] = entry;
    };
    guardOf = (headers, guard) => (headers.#guard = guard);
  }

  constructor(init = undefined) {
    if (init === null || (init !== undefined && typeof init !== "object" && typeof init !== "function"))
      throw new TypeError("Headers are made from an object, a list of pairs, or Headers.");
    if (init !== undefined) fill(this, init);
  }

  append(name, value) {
    requireArguments(2, arguments.length, "Headers.append");
    appendTo(this, name, value);
  }

  delete(name) {
    requireArguments(1, arguments.length, "Headers.delete");
    const key = byteString(name);
    checkName(key);
    this.#mutable();
    this.#list = without(this.#list, toLowerCase(key));
  }

  get(name) {
    requireArguments(1, arguments.length, "Headers.get");
    const key = byteString(name);
    checkName(key);
    const values = valuesOf(this.#list, toLowerCase(key));
    return values.length === 0 ? null : arrayJoin(values, ", ");
  }

  getSetCookie() {
    return valuesOf(this.#list, "set-cookie");
  }

  has(name) {
    requireArguments(1, arguments.length, "Headers.has");
    const key = byteString(name);
    checkName(key);
    return hasHeader(this, toLowerCase(key));
  }

  set(name, value) {
    requireArguments(2, arguments.length, "Headers.set");
    const entry = this.#checked(name, value);
    let index = 0;
    while (index < this.#list.length && this.#list[index][0] !== entry[0]) index++;
    if (index === this.#list.length) {
      appendTo(this, name, value);
      return;
    }
    this.#list[index] = entry;
    this.#list = without(this.#list, entry[0], index + 1);
  }

  forEach(callback, thisArgument = undefined) {
    requireArguments(1, arguments.length, "Headers.forEach");
    if (typeof callback !== "function") throw new TypeError("The argument of forEach() must be a function.");
    for (let i = 0; ; i++) {
      const entry = sorted(this)[i];
      if (!entry) return;
      apply(callback, thisArgument, [entry[1], entry[0], this]);
    }
  }

  entries() {
    return iterate(this, (entry) => entry);
  }
  keys() {
    return iterate(this, (entry) => entry[0]);
  }
  values() {
    return iterate(this, (entry) => entry[1]);
  }

  #checked(name, value) {
    const key = byteString(name);
    const text = trimValue(byteString(value));
    checkName(key);
    checkValue(text);
    this.#mutable();
    return [toLowerCase(key), text];
  }

  #mutable() {
    if (this.#guard === "immutable") throw new TypeError("These headers cannot be changed.");
  }
}

function fill(headers, init) {
  if (isHeaders(init)) {
    const list = listOf(init);
    for (let i = 0; i < list.length; i++) appendTo(headers, list[i][0], list[i][1]);
    return;
  }
  const iterator = init[Symbol.iterator];
  if (iterator !== undefined && iterator !== null) {
    if (typeof iterator !== "function") throw new TypeError("The headers are neither a list of pairs nor an object.");
    for (const pair of init) {
      if (typeof pair !== "object" || pair === null) throw new TypeError("Each header must be a pair [name, value].");
      const items = [...pair];
      if (items.length !== 2) throw new TypeError("Each header must be a pair [name, value].");
      appendTo(headers, items[0], items[1]);
    }
    return;
  }
  const keys = ownKeys(init);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (!getOwnPropertyDescriptor(init, key)?.enumerable) continue;
    if (typeof key === "symbol") throw new TypeError("A header's name cannot be a symbol.");
    appendTo(headers, key, init[key]);
  }
}

export function hasHeader(headers, key) {
  const list = listOf(headers);
  for (let i = 0; i < list.length; i++) if (list[i][0] === key) return true;
  return false;
}

// Of a list of pairs from the broker.
export function headersOf(pairs) {
  const headers = new Headers();
  for (let i = 0; i < (pairs?.length ?? 0); i++) appendTo(headers, pairs[i][0], pairs[i][1]);
  return headers;
}

// Names in order, values of one name joined, except for Set-Cookie.
export function sorted(headers) {
  const list = listOf(headers);
  const byName = new NativeMap();
  const names = [];
  for (let i = 0; i < list.length; i++) {
    const name = list[i][0];
    if (mapGet(byName, name) !== undefined) continue;
    mapSet(byName, name, valuesOf(list, name));
    put(names, name);
  }
  arraySort(names);
  const result = [];
  for (let i = 0; i < names.length; i++) {
    const values = mapGet(byName, names[i]);
    if (names[i] !== "set-cookie") put(result, [names[i], arrayJoin(values, ", ")]);
    else for (let j = 0; j < values.length; j++) put(result, [names[i], values[j]]);
  }
  return result;
}

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const states = new NativeWeakMap();
const HeadersIterator = {
  __proto__: IteratorPrototype,
  next() {
    const state = weakGet(states, this);
    if (!state) throw new TypeError("Illegal invocation");
    const entry = sorted(state.headers)[state.index];
    if (!entry) return { value: undefined, done: true };
    state.index++;
    return { value: state.pick(entry), done: false };
  },
};

function iterate(headers, pick) {
  listOf(headers);
  const iterator = Object.create(HeadersIterator);
  weakSet(states, iterator, { headers, index: 0, pick });
  return iterator;
}

export function installHeaders() {
  dress(HeadersIterator, "Headers Iterator");
  Object.defineProperty(Headers.prototype, Symbol.iterator, {
    value: Headers.prototype.entries,
    writable: true,
    configurable: true,
  });
  defineInterface("Headers", Headers);
  showAs(isHeaders, (headers) => Object.fromEntries(sorted(headers)));
  refuseToClone(isHeaders);
  refuseAsResult(isHeaders, "Headers");
}

export { appendTo, Headers, isHeaders, listOf, guardOf as setGuard };
