// A BigInt that squares itself.
// expect: terminated cpu_time | terminated memory | failed code.exception
// options: --cpu-ms 500 --memory-mb 64
() => {
  let n = 3n;
  for (;;) n *= n;
}
