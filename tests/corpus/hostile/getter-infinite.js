// A getter that gives a new object with the same getter: no end, no cycle.
// expect: failed result.unserializable
() => {
  const make = () => ({
    get next() {
      return make();
    },
  });
  return make();
}
