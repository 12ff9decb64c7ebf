// structuredClone of something that grows at every turn.
// expect: terminated memory
// options: --cpu-ms 8000 --memory-mb 64
() => {
  let value = { data: new Uint8Array(1024).fill(1), list: [] };
  const kept = [];
  for (;;) {
    kept.push(value);
    value = structuredClone({ value, copy: structuredClone(value) });
  }
}
