// expect: failed code.exception
() => {
  throw Object.freeze(Object.assign(Object.create(null), { message: 1n, stack: Symbol("s"), toString: null }));
}
