// fill() of an array of 2**32-1 holes: by memory or by time, but it ends.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 1500 --memory-mb 32
() => new Array(2 ** 32 - 1).fill(0).length;
