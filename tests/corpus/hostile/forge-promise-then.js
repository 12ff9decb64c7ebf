// Promise.prototype.then, catch, constructor and Symbol.species are the attacker's.
// expect: completed "honest"
async () => {
  const forged = () => Promise.resolve("forged");
  Promise.prototype.then = Promise.prototype.catch = Promise.prototype.finally = forged;
  Promise.resolve = Promise.all = Promise.reject = forged;
  class Evil extends Promise {
    constructor(executor) {
      super((resolve, reject) => executor(() => resolve("forged"), reject));
    }
  }
  Object.defineProperty(Promise, Symbol.species, { get: () => Evil, configurable: true });
  await null;
  return "honest";
}
