// An infinite iterator in Promise.all.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 3000 --memory-mb 64
() => Promise.all((function* () { for (;;) yield 1; })())
