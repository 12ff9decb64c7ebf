// join() of an array of 2**32-1 holes.
// expect: terminated cpu_time | terminated memory | failed code.exception
// options: --cpu-ms 300 --memory-mb 64
() => new Array(2 ** 32 - 1).join("x").length;
