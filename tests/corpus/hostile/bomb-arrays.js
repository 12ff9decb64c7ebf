// Arrays of numbers, all kept.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  const kept = [];
  for (;;) kept.push(new Array(10000).fill(kept.length));
}
