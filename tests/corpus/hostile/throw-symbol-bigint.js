// Thrown in a microtask and in the entry: the entry's is the outcome.
// expect: failed code.exception
() => {
  queueMicrotask(() => {
    throw 1n;
  });
  throw Symbol("thrown");
}
