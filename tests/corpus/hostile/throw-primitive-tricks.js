// valueOf, toString and Symbol.toPrimitive that throw, loop into each other, or return objects.
// expect: failed code.exception
() => {
  const evil = {
    valueOf: () => evil,
    toString: () => evil,
    [Symbol.toPrimitive]() {
      throw evil;
    },
  };
  return `${evil}`;
}
