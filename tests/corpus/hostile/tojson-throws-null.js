// toJSON that throws null.
// expect: failed result.unserializable
() => ({
  deep: {
    toJSON() {
      throw null;
    },
  },
})
