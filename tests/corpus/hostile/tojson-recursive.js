// toJSON that gives itself in a new coat each time.
// expect: failed result.unserializable
() => {
  const make = () => ({ toJSON: () => ({ again: make() }) });
  return make();
}
