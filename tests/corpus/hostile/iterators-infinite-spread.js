// An infinite iterator in a spread.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 3000 --memory-mb 64
() => [...(function* () { for (let i = 0; ; i++) yield i; })()].length
