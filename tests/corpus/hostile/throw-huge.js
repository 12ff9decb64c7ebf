// An error of ten megabytes is cut.
// expect: failed code.exception
() => {
  const error = new Error("m".repeat(10 << 20));
  error.name = "N".repeat(1 << 20);
  error.stack = "s@throw-huge.js:1:1\n".repeat(1 << 16);
  throw error;
}
