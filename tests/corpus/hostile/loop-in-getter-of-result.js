// The result is honest until the platform reads it.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => ({
  get answer() {
    for (;;);
  },
});
