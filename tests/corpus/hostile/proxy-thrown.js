// A thrown Proxy, all of whose traps throw.
// expect: failed code.exception
() => {
  const trap = () => {
    throw new Error("trapped");
  };
  throw new Proxy(class {}, { get: trap, has: trap, ownKeys: trap, getOwnPropertyDescriptor: trap, getPrototypeOf: trap, apply: trap, construct: trap });
}
