// Where a text stops being JSON (RFC 8259): the engine says only that it does.
import { bareArray, charCodeAt, stringIncludes, stringSlice, stringStartsWith } from "../primordials.js";

const isDigit = (c) => c >= 48 && c <= 57;
const isHex = (c) => isDigit(c) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
const words = ["true", "false", "null"];

// The offset of the first character that cannot be there, or the length of the text.
export function jsonErrorOffset(text) {
  let at = 0;
  const code = () => charCodeAt(text, at);
  const space = () => {
    while (code() === 32 || code() === 10 || code() === 13 || code() === 9) at++;
  };
  const accept = (c) => code() === c && ++at > 0;
  const digits = () => {
    if (!isDigit(code())) return false;
    while (isDigit(code())) at++;
    return true;
  };

  const string = () => {
    if (!accept(34)) return false;
    while (!accept(34)) {
      if (!(code() >= 32)) return false;
      if (!accept(92)) at++;
      else if (accept(117)) {
        for (let i = 0; i < 4; i++, at++) if (!isHex(code())) return false;
      } else if (at < text.length && stringIncludes('"\\/bfnrt', text[at])) at++;
      else return false;
    }
    return true;
  };

  const number = () => {
    accept(45);
    if (!accept(48) && !digits()) return false;
    if (accept(46) && !digits()) return false;
    if (!accept(101) && !accept(69)) return true;
    if (!accept(43)) accept(45);
    return digits();
  };

  const word = () => {
    for (let i = 0; i < words.length; i++) {
      if (!stringStartsWith(text, stringSlice(words[i], 0, 1), at)) continue;
      for (let j = 0; j < words[i].length; j++, at++) if (code() !== charCodeAt(words[i], j)) return false;
      return true;
    }
    return false;
  };

  const key = () => {
    space();
    if (!string()) return false;
    space();
    return accept(58);
  };

  const open = bareArray(); // the closing brackets that are owed
  let depth = 0;
  for (;;) {
    space();
    if (code() === 123 || code() === 91) {
      const close = code() + 2;
      at++;
      space();
      if (!accept(close)) {
        open[depth++] = close;
        if (close === 125 && !key()) return at;
        continue;
      }
    } else if (code() === 34) {
      if (!string()) return at;
    } else if (code() === 45 || isDigit(code())) {
      if (!number()) return at;
    } else if (!word()) return at;

    for (;;) {
      space();
      if (depth === 0) return at;
      if (!accept(open[depth - 1])) break;
      depth--;
    }
    if (!accept(44)) return at;
    if (open[depth - 1] === 125 && !key()) return at;
  }
}
