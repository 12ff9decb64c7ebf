// Setters for indices on Array.prototype catch what is written past the end of an array.
// expect: completed {"caught":0,"list":[1,2]}
// expect-logs: ["x [ { a: 1 } ]"]
() => {
  let caught = 0;
  for (let i = 0; i < 10; i++)
    Object.defineProperty(Array.prototype, i, {
      configurable: true,
      get: () => undefined,
      set() {
        caught++;
      },
    });
  console.log("x", [{ a: 1 }]);
  const before = caught;
  for (let i = 0; i < 10; i++) delete Array.prototype[i];
  return { caught: before, list: [1, 2] };
}
