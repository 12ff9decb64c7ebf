// Flat strings, all different.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  const kept = [];
  for (let i = 0; ; i++) kept.push(`${i}`.padStart(4096, "ab"));
}
