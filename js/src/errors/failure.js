// What we know about errors that we made ourselves: their stable code and where in the user's source they are.
// Kept beside the error, so that the error object the user may catch looks like the platform's own.
import {
  NativeError,
  NativeRangeError,
  NativeSyntaxError,
  NativeTypeError,
  NativeWeakMap,
  weakGet,
  weakSet,
} from "../primordials.js";

const facts = new NativeWeakMap();

export const factsOf = (error) => weakGet(facts, error);

// `more` may have {file, line, column}.
export function failure(Type, code, message, more) {
  const error = new Type(message);
  weakSet(facts, error, { code, ...more });
  return error;
}

export const typeFailure = (code, message, more) => failure(NativeTypeError, code, message, more);
export const rangeFailure = (code, message, more) => failure(NativeRangeError, code, message, more);
export const syntaxFailure = (message, more, code = "code.syntax") => failure(NativeSyntaxError, code, message, more);
export const plainFailure = (code, message, more) => failure(NativeError, code, message, more);
