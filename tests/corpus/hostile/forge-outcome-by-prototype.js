// An inherited `value` must not turn an error into a result.
// expect: failed code.exception
() => {
  for (const name of ["value", "outcome", "kind", "data"])
    Object.defineProperty(Object.prototype, name, { get: () => "forged", set() {}, configurable: true });
  throw new Error("honest");
}
