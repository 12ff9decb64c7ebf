// `then` is a getter that throws when the platform looks whether the result is a promise.
// expect: failed code.exception
() => ({
  get then() {
    throw new Error("from then");
  },
})
