// The short way for the commonest source: one function expression that needs no linking. It goes to the engine
// as it is, in parentheses, which accept an expression and nothing else; whatever fails takes the long way.
import { charCodeAt, stringIncludes, stringIndexOf, stringSlice, stringStartsWith } from "../primordials.js";

export const QUICK_PREFIX = '"use strict";(';

const isSpace = (c) => c === 32 || (c >= 9 && c <= 13) || c === 0xa0 || c === 0xfeff || c === 0x2028 || c === 0x2029;
const isWord = (c) => (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 36 || c === 95;

function skip(text, at) {
  for (;;) {
    const c = charCodeAt(text, at);
    if (isSpace(c)) at++;
    else if (c !== 47) return at;
    else if (charCodeAt(text, at + 1) === 47) {
      at = stringIndexOf(text, "\n", at);
      if (at < 0) return text.length;
    } else if (charCodeAt(text, at + 1) === 42) {
      at = stringIndexOf(text, "*/", at + 2);
      if (at < 0) return text.length;
      at += 2;
    } else return at;
  }
}

const wordEnd = (text, at) => {
  while (isWord(charCodeAt(text, at))) at++;
  return at;
};

// Whether `(`, just before `at`, begins the parameters of an arrow function. Says no to any that are not plain.
function isArrow(text, at) {
  for (; at < text.length; at++) {
    const c = charCodeAt(text, at);
    if (c === 41) return stringStartsWith(text, "=>", skip(text, at + 1));
    if (!isWord(c) && !isSpace(c) && !stringIncludes(",{}[]:=.", text[at])) return false;
  }
  return false;
}

// The script to evaluate, or undefined. Nothing that is called on the spot may pass: it would have run before we
// can say that it is no function.
export function quickScript(text) {
  const start = skip(text, 0);
  let end = text.length;
  while (end > start && isSpace(charCodeAt(text, end - 1))) end--;
  if (charCodeAt(text, end - 1) === 59) end--;
  while (end > start && isSpace(charCodeAt(text, end - 1))) end--;
  const closesBlock = charCodeAt(text, end - 1) === 125;

  const word = stringSlice(text, start, wordEnd(text, start));
  const next = skip(text, start + word.length);
  let fits;
  if (word === "async")
    fits = closesBlock || (!stringStartsWith(text, "function", next) && charCodeAt(text, next) === 40);
  else if (word === "function") fits = closesBlock;
  else if (word === "") fits = charCodeAt(text, start) === 40 && (closesBlock || isArrow(text, start + 1));
  else fits = stringStartsWith(text, "=>", next);
  if (!fits || stringIncludes(text, "import")) return undefined;
  return `${QUICK_PREFIX}${end === text.length ? text : stringSlice(text, 0, end)}\n)`;
}

// Text such as `() => 1) || (f(), () => {}` closes the parenthesis that was to hold it. So it has to be good syntax in
// brackets too: up to a bracket that closes nothing of its own, a text means the same in both, and no bracket closes
// both. For quickScript()'s result, the text whose syntax is to be checked.
export const quickCheck = (script) => `"use strict";[${stringSlice(script, QUICK_PREFIX.length, -2)}\n]`;
