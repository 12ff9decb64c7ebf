// Error, its prototype and its helpers are the attacker's.
// expect: failed code.exception
() => {
  Object.defineProperty(Error.prototype, "name", { get: () => "Forged" });
  Object.defineProperty(Error.prototype, "message", { get: () => "forged" });
  Error.prototype.toString = () => "forged";
  Error.captureStackTrace = () => {};
  Error.isError = () => false;
  Error.stackTraceLimit = -1;
  Error.prepareStackTrace = () => ({ forged: true });
  globalThis.Error = class {};
  null.honest;
}
