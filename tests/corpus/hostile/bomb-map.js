// A Map and a Set that only grow.
// expect: terminated memory
// options: --cpu-ms 8000 --memory-mb 64
() => {
  const map = new Map();
  const set = new Set();
  for (let i = 0; ; i++) {
    map.set(i, { i });
    set.add(`key ${i}`);
  }
}
