// `length` that lies, changes while it is read, and is no number.
// expect: completed {"shrunk":[1],"negative":"RangeError","object":"RangeError","species":0,"spread":3}
() => {
  const kind = (fn) => {
    try {
      fn();
      return "nothing";
    } catch (error) {
      return error.name;
    }
  };
  const a = [1, 2, 3];
  const shrunk = a.filter((x) => {
    a.length = 1;
    return x;
  });
  let reads = 0;
  const moving = { 0: "a", get length() { return ++reads === 1 ? 3 : 2 ** 40; } };
  return {
    shrunk,
    negative: kind(() => (a.length = -1)),
    object: kind(() => (a.length = { valueOf: () => 1.5 })),
    species: Reflect.construct(Array, [0]).length,
    spread: Array.from(moving).length,
  };
}
