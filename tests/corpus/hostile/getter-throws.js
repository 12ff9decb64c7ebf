// A getter of the result throws.
// expect: failed result.unserializable
() => ({
  ok: 1,
  get bad() {
    throw new Error("from the getter");
  },
})
