// A comparator that never agrees with itself, over and over.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  let flip = 1;
  for (;;) new Array(1000).fill(0).sort(() => (flip = -flip));
}
