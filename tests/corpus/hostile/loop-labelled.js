// Labelled loops that jump into each other's heads for ever.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  let n = 0;
  outer: for (;;) {
    inner: while (true) {
      n = (n + 1) | 0;
      if (n % 3 === 0) continue outer;
      if (n % 5 === 0) break inner;
    }
  }
}
