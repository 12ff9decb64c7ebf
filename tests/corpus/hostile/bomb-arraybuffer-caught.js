// The same, caught: an allocation that fails is an error like any other, and the run goes on.
// expect: completed {"name":"RangeError","after":6}
// options: --cpu-ms 5000 --memory-mb 64
() => {
  try {
    return new ArrayBuffer(1 << 30).byteLength;
  } catch (error) {
    return { name: error.name, after: [1, 2, 3].reduce((a, b) => a + b) };
  }
}
