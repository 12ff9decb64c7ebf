// The stack is a getter that throws another error like it.
// expect: failed code.exception
() => {
  const make = () =>
    Object.defineProperty(new Error("made"), "stack", {
      get() {
        throw make();
      },
    });
  throw make();
}
