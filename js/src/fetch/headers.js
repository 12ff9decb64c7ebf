// Headers (Fetch Standard, section 5.1).
import { defineInterface, dress, requireArguments } from "../globals/idl.js";
import { refuseAsResult } from "../result.js";
import { showAs } from "../inspect/inspect.js";
import { refuseToClone } from "../globals/structured-clone.js";

const MAX_HEADERS = 1000;
const name_ = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const badValue = /[\0\r\n]|[^\0-\xff]/;

const test = RegExp.prototype.test.call.bind(RegExp.prototype.test);
const trimValue = (value) => value.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "");

function byteString(value) {
  return `${value}`;
}

function checkName(name) {
  if (!test(name_, name)) throw new TypeError(`'${name.slice(0, 100)}' is not a valid header name.`);
}

function checkValue(value) {
  if (test(badValue, value)) throw new TypeError("The header value has characters that are not allowed.");
}

let listOf, guardOf, isHeaders;

class Headers {
  #list = []; // [lower-case name, value]
  #guard = "none";

  static {
    isHeaders = (value) => typeof value === "object" && value !== null && #list in value;
    listOf = (headers) => headers.#list;
    guardOf = (headers, guard) => (headers.#guard = guard);
  }

  constructor(init = undefined) {
    if (init === null || (init !== undefined && typeof init !== "object" && typeof init !== "function"))
      throw new TypeError("Headers are made from an object, a list of pairs, or Headers.");
    if (init !== undefined) fill(this, init);
  }

  append(name, value) {
    requireArguments(2, arguments.length, "Headers.append");
    const [key, text] = this.#checked(name, value);
    if (this.#list.length >= MAX_HEADERS) throw new RangeError(`More than ${MAX_HEADERS} headers.`);
    this.#list.push([key, text]);
  }

  delete(name) {
    requireArguments(1, arguments.length, "Headers.delete");
    const key = byteString(name);
    checkName(key);
    this.#mutable();
    this.#list = this.#list.filter((entry) => entry[0] !== key.toLowerCase());
  }

  get(name) {
    requireArguments(1, arguments.length, "Headers.get");
    const key = byteString(name);
    checkName(key);
    const values = this.#list.filter((entry) => entry[0] === key.toLowerCase());
    return values.length === 0 ? null : values.map((entry) => entry[1]).join(", ");
  }

  getSetCookie() {
    return this.#list.filter((entry) => entry[0] === "set-cookie").map((entry) => entry[1]);
  }

  has(name) {
    requireArguments(1, arguments.length, "Headers.has");
    const key = byteString(name);
    checkName(key);
    return this.#list.some((entry) => entry[0] === key.toLowerCase());
  }

  set(name, value) {
    requireArguments(2, arguments.length, "Headers.set");
    const [key, text] = this.#checked(name, value);
    const index = this.#list.findIndex((entry) => entry[0] === key);
    if (index < 0) {
      this.append(name, value);
      return;
    }
    this.#list[index] = [key, text];
    this.#list = this.#list.filter((entry, i) => i <= index || entry[0] !== key);
  }

  forEach(callback, thisArgument = undefined) {
    requireArguments(1, arguments.length, "Headers.forEach");
    if (typeof callback !== "function") throw new TypeError("The argument of forEach() must be a function.");
    for (let i = 0; ; i++) {
      const entry = sorted(this)[i];
      if (!entry) return;
      callback.call(thisArgument, entry[1], entry[0], this);
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
    return [key.toLowerCase(), text];
  }

  #mutable() {
    if (this.#guard === "immutable") throw new TypeError("These headers cannot be changed.");
  }
}

function fill(headers, init) {
  if (isHeaders(init)) {
    for (const [name, value] of listOf(init)) headers.append(name, value);
    return;
  }
  const iterator = init[Symbol.iterator];
  if (iterator !== undefined && iterator !== null) {
    if (typeof iterator !== "function") throw new TypeError("The headers are neither a list of pairs nor an object.");
    for (const pair of init) {
      if (typeof pair !== "object" || pair === null) throw new TypeError("Each header must be a pair [name, value].");
      const items = [...pair];
      if (items.length !== 2) throw new TypeError("Each header must be a pair [name, value].");
      headers.append(items[0], items[1]);
    }
    return;
  }
  for (const key of Reflect.ownKeys(init)) {
    if (!Object.getOwnPropertyDescriptor(init, key)?.enumerable) continue;
    if (typeof key === "symbol") throw new TypeError("A header's name cannot be a symbol.");
    headers.append(key, init[key]);
  }
}

// Names in order, values of one name joined, except for Set-Cookie.
export function sorted(headers) {
  const list = listOf(headers);
  const names = [...new Set(list.map((entry) => entry[0]))].sort();
  return names.flatMap((name) => {
    const values = list.filter((entry) => entry[0] === name).map((entry) => entry[1]);
    return name === "set-cookie" ? values.map((value) => [name, value]) : [[name, values.join(", ")]];
  });
}

const IteratorPrototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const states = new WeakMap();
const HeadersIterator = {
  __proto__: IteratorPrototype,
  next() {
    const state = states.get(this);
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
  states.set(iterator, { headers, index: 0, pick });
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

export { Headers, isHeaders, listOf, guardOf as setGuard };
