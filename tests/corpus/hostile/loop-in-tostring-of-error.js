// What is thrown spins as soon as anybody looks at it.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  const spin = () => {
    for (;;);
  };
  const error = new Error("look at me");
  Object.defineProperty(error, "message", { get: spin });
  Object.defineProperty(error, "name", { get: spin });
  throw error;
}
