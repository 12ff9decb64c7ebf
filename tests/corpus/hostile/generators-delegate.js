// yield* that delegates to itself, and a generator that runs inside of itself.
// expect: completed {"running":"TypeError","deep":"RangeError"}
// options: --cpu-ms 8000
() => {
  const kind = (fn) => {
    try {
      return fn();
    } catch (error) {
      return error.name;
    }
  };
  let g;
  const self = function* () { yield g.next(); };
  g = self();
  const deep = function* () { yield* deep(); };
  return { running: kind(() => g.next()), deep: kind(() => deep().next()) };
}
