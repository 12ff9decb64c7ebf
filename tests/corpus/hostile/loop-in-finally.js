// `finally` that never gives up: neither return nor throw leaves it.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  for (;;) {
    try {
      return 1;
    } finally {
      continue;
    }
  }
}
