// Symbol.species and constructors that give something else.
// expect: completed {"list":[1,2],"buffer":4,"promise":"done"}
async () => {
  class Evil extends Array {
    static get [Symbol.species]() {
      return function () { return new Proxy({}, { defineProperty: () => false }); };
    }
  }
  const kind = (fn) => { try { return fn(); } catch { return [1, 2]; } };
  const buffer = new ArrayBuffer(4);
  buffer.constructor = { [Symbol.species]: function () { return new ArrayBuffer(1 << 20); } };
  return { list: kind(() => Evil.from([1, 2]).map((x) => x)), buffer: structuredClone(buffer).byteLength, promise: await Promise.resolve("done") };
}
