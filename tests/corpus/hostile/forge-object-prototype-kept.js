// The same, and they stay while the result is written.
// expect: completed {"a":1}
() => {
  for (const name of ["value", "error", "code", "kind", "result", "data", "status", "0", "1", "path", "trail"])
    Object.defineProperty(Object.prototype, name, { __proto__: null, get: () => "forged", set() {}, configurable: true });
  return { __proto__: null, a: 1 };
}
