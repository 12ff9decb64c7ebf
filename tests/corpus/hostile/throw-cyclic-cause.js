// A cause that leads back to the error.
// expect: failed code.exception
() => {
  const a = new Error("a");
  const b = new Error("b", { cause: a });
  a.cause = b;
  a.errors = [a, b, [a]];
  throw a;
}
