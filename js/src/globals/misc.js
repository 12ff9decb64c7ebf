// performance, crypto, navigator, queueMicrotask and other small ones.
import { host } from "../host.js";
import { failRun } from "../outcome.js";
import { DOMException } from "./dom-exception.js";
import { EventTarget, setTimeOrigin, timeOrigin } from "./events.js";
import { defineFunctions, defineInterface, requireArguments } from "./idl.js";
import {
  apply,
  bareArray,
  Bytes,
  defineProperty,
  freeze,
  isView,
  NativePromise,
  now,
  promiseThen,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayByteOffset,
  typedArrayName,
  numberToString,
  padStart,
} from "../primordials.js";

const resolved = NativePromise.resolve();
let constructing = false;

function single(Interface) {
  constructing = true;
  const object = new Interface();
  constructing = false;
  return object;
}

const illegal = () => {
  if (!constructing) throw new TypeError("Illegal constructor");
};

class Performance extends EventTarget {
  constructor() {
    illegal();
    super();
  }
  now() {
    return now() - timeOrigin();
  }
  get timeOrigin() {
    return timeOrigin();
  }
  toJSON() {
    return { timeOrigin: timeOrigin() };
  }
}

const integers = {
  __proto__: null,

  Int8Array: true,
  Uint8Array: true,
  Uint8ClampedArray: true,
  Int16Array: true,
  Uint16Array: true,
  Int32Array: true,
  Uint32Array: true,
  BigInt64Array: true,
  BigUint64Array: true,
};

class Crypto {
  #brand;

  constructor() {
    illegal();
  }
  getRandomValues(array) {
    void this.#brand;
    requireArguments(1, arguments.length, "Crypto.getRandomValues");
    const name = isView(array) ? typedArrayName(array) : undefined;
    if (name === undefined && !isView(array))
      throw new TypeError("The argument of getRandomValues() must be a typed array.");
    if (name === undefined || !integers[name])
      throw new DOMException("The typed array must be one of integers.", "TypeMismatchError");
    const length = typedArrayByteLength(array);
    if (length > 65536)
      throw new DOMException(
        `The typed array has ${length} bytes; at most 65536 can be filled at once.`,
        "QuotaExceededError",
      );
    host.random(new Bytes(typedArrayBuffer(array), typedArrayByteOffset(array), length));
    return array;
  }
  randomUUID() {
    void this.#brand;
    const bytes = new Bytes(16);
    host.random(bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let text = "";
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
      text += padStart(numberToString(bytes[i], 16), 2, "0");
    }
    return text;
  }
}

class Navigator {
  #brand;

  constructor() {
    illegal();
  }
  get userAgent() {
    void this.#brand;
    return "Cordon";
  }
  get language() {
    return "en-US";
  }
  get languages() {
    return freeze(["en-US"]);
  }
  get hardwareConcurrency() {
    return 1;
  }
}

const functions = {
  queueMicrotask(callback) {
    requireArguments(1, arguments.length, "queueMicrotask");
    if (typeof callback !== "function") throw new TypeError("The argument of queueMicrotask() must be a function.");
    promiseThen(resolved, () => {
      try {
        apply(callback, undefined, bareArray());
      } catch (error) {
        failRun(error);
      }
    });
  },
  reportError(error) {
    requireArguments(1, arguments.length, "reportError");
    failRun(error);
  },
};

// Numbers of 53 bits from the run's generator, a block of bytes at a time.
const block = new Bytes(64);
let used = block.length;

function random() {
  if (used + 8 > block.length) {
    host.random(block);
    used = 0;
  }
  let high = 0;
  for (let i = 0; i < 3; i++) high = high * 256 + block[used + i];
  let low = 0;
  for (let i = 3; i < 7; i++) low = low * 256 + block[used + i];
  used += 8;
  // 21 bits and 32 bits
  return ((high >> 3) * 4294967296 + low) / 9007199254740992;
}

// Bytes drawn while the zygote was warmed are not of the run's seed.
export function startClockAndChance() {
  used = block.length;
  setTimeOrigin(now());
}

export function installMisc() {
  defineInterface("Performance", Performance);
  defineInterface("Crypto", Crypto);
  defineInterface("Navigator", Navigator);
  defineProperty(globalThis, "performance", {
    value: single(Performance),
    writable: true,
    enumerable: true,
    configurable: true,
  });
  defineProperty(globalThis, "crypto", { value: single(Crypto), writable: true, enumerable: true, configurable: true });
  defineProperty(globalThis, "navigator", {
    value: single(Navigator),
    writable: true,
    enumerable: true,
    configurable: true,
  });
  defineProperty(globalThis, "self", { value: globalThis, writable: true, enumerable: true, configurable: true });
  defineFunctions(functions);
  // A method, so that it is no constructor, as the original.
  defineProperty(Math, "random", {
    value: {
      random() {
        return random();
      },
    }.random,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}
