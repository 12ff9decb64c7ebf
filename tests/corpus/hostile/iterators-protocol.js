// return() and throw() that lie, loop and throw.
// expect: completed {"closed":2,"thrown":"from return","object":"TypeError"}
() => {
  let closed = 0;
  const iterable = (onReturn) => ({ [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }), return: onReturn }) });
  for (const x of iterable(() => (closed++, {}))) if (x) break;
  const [first] = iterable(() => (closed++, {}));
  const kind = (fn) => {
    try {
      fn();
    } catch (error) {
      return error.name === "Error" ? error.message : error.name;
    }
    return first;
  };
  return {
    closed,
    thrown: kind(() => { for (const x of iterable(() => { throw new Error("from return"); })) if (x) break; }),
    object: kind(() => { for (const x of iterable(() => 1)) if (x) break; }),
  };
}
