// A getter that tells how often it was read: once.
// expect: completed {"n":1,"again":2}
() => {
  let n = 0;
  const count = { get: () => ++n, enumerable: true };
  return Object.defineProperties({}, { n: count, again: count });
}
