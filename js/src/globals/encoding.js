// TextEncoder and TextDecoder (Encoding Standard) for UTF-8, UTF-16 and the Latin 1 family; atob and btoa (HTML,
// section 8.3).
import { host } from "../host.js";
import { DOMException } from "./dom-exception.js";
import { defineFunctions, defineInterface, requireArguments } from "./idl.js";
import {
  base64ToBytes,
  Bytes,
  charCodeAt,
  fromCharCode,
  isView,
  min,
  stringSlice,
  stringTrim,
  toBase64,
  toLowerCase,
  typedArraySet,
  typedArraySlice,
  typedArraySubarray,
  viewOf,
} from "../primordials.js";

const labels = { __proto__: null };
const encodings = {
  "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
  "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
  "utf-16be": "unicodefffe utf-16be",
  "windows-1252":
    "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
};
for (const name in encodings) for (const label of encodings[name].split(" ")) labels[label] = name;

// Code points of the bytes 0x80 to 0x9f in windows-1252; all others are themselves.
const windows1252 = [
  0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f,
  0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
];

class TextEncoder {
  #brand;

  get encoding() {
    void this.#brand;
    return "utf-8";
  }

  encode(input = "") {
    void this.#brand;
    return host.utf8Encode(`${input}`);
  }

  encodeInto(source, destination) {
    void this.#brand;
    requireArguments(2, arguments.length, "TextEncoder.encodeInto");
    const text = `${source}`;
    if (!(isView(destination) && destination instanceof Bytes))
      throw new TypeError("The destination must be a Uint8Array.");
    // At least one byte for each unit, so no more of the string can matter.
    const room = destination.length;
    let part = text.length > room ? stringSlice(text, 0, room) : text;
    let bytes = host.utf8Encode(part);
    if (bytes.length <= room && part.length === text.length) {
      typedArraySet(destination, bytes);
      return { read: text.length, written: bytes.length };
    }
    let read = 0;
    let written = 0;
    while (read < part.length) {
      const c = charCodeAt(text, read);
      const d = charCodeAt(text, read + 1);
      const isPair = c >= 0xd800 && c < 0xdc00 && d >= 0xdc00 && d < 0xe000;
      const size = c < 0x80 ? 1 : c < 0x800 ? 2 : isPair ? 4 : 3;
      if (written + size > room) break;
      written += size;
      read += isPair ? 2 : 1;
    }
    part = stringSlice(text, 0, read);
    bytes = host.utf8Encode(part);
    typedArraySet(destination, bytes);
    return { read, written };
  }
}

// How many bytes at the end are the beginning of a UTF-8 sequence that goes on in the next chunk.
function incompleteUtf8(bytes) {
  const { length } = bytes;
  for (let back = 1; back <= min(3, length); back++) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const need = byte >= 0xf0 && byte <= 0xf4 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    if (need <= back || byte > 0xf4) return 0;
    // A second byte that cannot follow the first makes the sequence an error already.
    if (back > 1) {
      const second = bytes[length - back + 1];
      const low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
      const high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
      if (second < low || second > high) return 0;
    }
    return back;
  }
  return 0;
}

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #rest = new Bytes(0);
  #bomSeen = false;
  #streaming = false;

  constructor(label = "utf-8", options = {}) {
    const name = labels[toLowerCase(stringTrim(`${label}`))];
    if (name === undefined) throw new RangeError(`The encoding '${stringSlice(`${label}`, 0, 100)}' is not supported.`);
    this.#encoding = name;
    this.#fatal = Boolean(options?.fatal);
    this.#ignoreBOM = Boolean(options?.ignoreBOM);
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input = undefined, options = undefined) {
    const stream = Boolean(options?.stream);
    if (!this.#streaming) {
      this.#rest = new Bytes(0);
      this.#bomSeen = false;
    }
    this.#streaming = stream;
    let bytes = input === undefined ? new Bytes(0) : viewOf(input);
    if (bytes === undefined) throw new TypeError("The argument of decode() must be an ArrayBuffer or a view of one.");
    if (this.#rest.length > 0) {
      const joined = new Bytes(this.#rest.length + bytes.length);
      typedArraySet(joined, this.#rest);
      typedArraySet(joined, bytes, this.#rest.length);
      bytes = joined;
    }
    this.#rest = new Bytes(0);
    let text;
    if (this.#encoding === "utf-8") text = this.#utf8(bytes, stream);
    else if (this.#encoding === "windows-1252") text = latin(bytes);
    else text = this.#utf16(bytes, stream);
    if (text === undefined) {
      this.#streaming = false;
      throw new TypeError(`The data is not valid ${this.#encoding}.`);
    }
    if (this.#encoding !== "windows-1252" && !this.#bomSeen && text !== "") {
      this.#bomSeen = true;
      if (!this.#ignoreBOM && charCodeAt(text, 0) === 0xfeff) text = stringSlice(text, 1);
    }
    return text;
  }

  #utf8(bytes, stream) {
    if (stream) {
      const keep = incompleteUtf8(bytes);
      if (keep > 0) {
        this.#rest = typedArraySlice(bytes, bytes.length - keep);
        bytes = typedArraySubarray(bytes, 0, bytes.length - keep);
      }
    }
    return host.utf8Decode(bytes, this.#fatal);
  }

  #utf16(bytes, stream) {
    const big = this.#encoding === "utf-16be" ? 1 : 0;
    let text = "";
    let i = 0;
    let lead = 0;
    for (; i + 1 < bytes.length; i += 2) {
      const unit = bytes[i + big] | (bytes[i + 1 - big] << 8);
      if (lead !== 0) {
        if (unit >= 0xdc00 && unit < 0xe000) {
          text += fromCharCode(lead, unit);
          lead = 0;
          continue;
        }
        if (this.#fatal) return undefined;
        text += "\ufffd";
        lead = 0;
      }
      if (unit >= 0xd800 && unit < 0xdc00) lead = unit;
      else if (unit >= 0xdc00 && unit < 0xe000) {
        if (this.#fatal) return undefined;
        text += "\ufffd";
      } else text += fromCharCode(unit);
    }
    const left = bytes.length - i + (lead === 0 ? 0 : 2);
    if (left > 0) {
      if (stream) this.#rest = typedArraySlice(bytes, bytes.length - left);
      else if (this.#fatal) return undefined;
      else text += "\ufffd";
    }
    return text;
  }
}

function latin(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    text += fromCharCode(byte >= 0x80 && byte < 0xa0 ? windows1252[byte - 0x80] : byte);
  }
  return text;
}

const base64Functions = {
  atob(data) {
    requireArguments(1, arguments.length, "atob");
    let bytes;
    try {
      bytes = base64ToBytes(`${data}`);
    } catch {
      throw new DOMException("The string is not correctly encoded base64.", "InvalidCharacterError");
    }
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += fromCharCode(bytes[i]);
    return text;
  },
  btoa(data) {
    requireArguments(1, arguments.length, "btoa");
    const text = `${data}`;
    const bytes = new Bytes(text.length);
    for (let i = 0; i < text.length; i++) {
      const c = charCodeAt(text, i);
      if (c > 255)
        throw new DOMException("The string contains characters outside of the Latin1 range.", "InvalidCharacterError");
      bytes[i] = c;
    }
    return toBase64(bytes);
  },
};

export function installEncoding() {
  defineInterface("TextEncoder", TextEncoder);
  defineInterface("TextDecoder", TextDecoder);
  defineFunctions(base64Functions);
}

export { TextEncoder, TextDecoder };
