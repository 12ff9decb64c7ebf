// import() of objects: toString with side effects runs once, and what it throws is the rejection.
// expect: completed {"reads":1,"thrown":"mine","symbol":"TypeError","nul":"Error","options":"TypeError"}
export default async () => {
  let reads = 0;
  const kind = (promise) => promise.then(() => "loaded", (error) => error.name ?? error);
  await kind(import({ toString: () => `./missing-${++reads}` }));
  return {
    reads,
    thrown: await kind(import({ toString() { throw "mine"; } })),
    symbol: await kind(import(Symbol("x"))),
    nul: await kind(import("./a\0b")),
    options: await kind(import("./x.js", 1)),
  };
};
