// A result of a hundred thousand levels: refused with a typed error, never a crash.
// expect: failed result.unserializable
() => {
  let value = 1;
  for (let i = 0; i < 100000; i++) value = [value];
  return value;
}
