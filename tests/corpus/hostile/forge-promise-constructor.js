// Every promise claims a constructor that throws: as with `await`, that is an error of this code.
// expect: failed code.exception
async () => {
  Object.defineProperty(Promise.prototype, "constructor", {
    get() {
      throw new Error("forged");
    },
  });
  return "honest";
}
