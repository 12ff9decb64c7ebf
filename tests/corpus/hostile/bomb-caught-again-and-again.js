// Swallows every error and tries again: the ceiling does not wear out.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 3000 --memory-mb 32
() => {
  const kept = [];
  for (;;) {
    try {
      for (let size = 1 << 26; ; ) kept.push(new Uint8Array(size).fill(1));
    } catch {
      try {
        for (;;) kept.push(new Array(1000).fill({}));
      } catch {}
    }
  }
}
