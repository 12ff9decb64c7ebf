// Typed arrays of a megabyte, each written to.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  const kept = [];
  for (;;) kept.push(new Uint8Array(1 << 20).fill(7));
}
