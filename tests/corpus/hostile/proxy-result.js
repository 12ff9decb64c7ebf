// A Proxy as the result, each trap hostile.
// expect: failed result.unserializable
() => {
  const trap = () => {
    throw new Error("trapped");
  };
  return new Proxy({}, { ownKeys: trap, has: trap, getOwnPropertyDescriptor: trap, getPrototypeOf: trap, get: (_, key) => (key === "then" ? undefined : trap()) });
}
