// What the bundled URL parser uses in place of iteration and Set, which user code can change under it: build.mjs
// puts these in. Without imports, so that it does not matter how a module asks for it.
const { call } = Function.prototype;
const codePointAt = call.bind(String.prototype.codePointAt);
const { fromCodePoint } = String;
const { iterator } = Symbol;

// For strings and whatever has a length.
export function each(items) {
  const isText = typeof items === "string";
  let at = 0;
  return {
    __proto__: null,
    [iterator]() {
      return this;
    },
    next() {
      if (at >= items.length) return { __proto__: null, value: undefined, done: true };
      const value = isText ? fromCodePoint(codePointAt(items, at)) : items[at];
      at += isText ? value.length : 1;
      return { __proto__: null, value, done: false };
    },
  };
}

export function characters(text) {
  const list = codePoints(text);
  for (let i = 0; i < list.length; i++) list[i] = fromCodePoint(list[i]);
  return list;
}

export function codePoints(text) {
  const list = [];
  for (let at = 0; at < text.length;) {
    const c = codePointAt(text, at);
    list[list.length] = c;
    at += c > 0xffff ? 2 : 1;
  }
  return list;
}

// A set of small numbers.
export class FixedSet {
  #members = { __proto__: null };

  constructor(items) {
    for (let i = 0; i < items.length; i++) this.#members[items[i]] = true;
  }
  has(item) {
    return this.#members[item] === true;
  }
}
