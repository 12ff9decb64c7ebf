// A promise that is resolved with itself.
// expect: failed code.exception
() => {
  let resolve;
  const promise = new Promise((r) => (resolve = r));
  resolve(promise);
  return promise;
}
