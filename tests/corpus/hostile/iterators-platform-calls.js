// The platform's own functions fed with endless iterables.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 3000 --memory-mb 64
() => new URLSearchParams((function* () { for (;;) yield ["a", "b"]; })()).size
