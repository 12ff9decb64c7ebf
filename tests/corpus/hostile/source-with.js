// `with` does not exist in strict code.
// expect: failed code.syntax
export default (input) => {
  with (globalThis) return input;
};
