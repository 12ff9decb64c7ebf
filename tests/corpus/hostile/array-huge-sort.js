// sort() and reverse() of an array with a giant length and three elements.
// expect: terminated cpu_time | completed {"length":4294967295,"first":1}
// options: --cpu-ms 300 --memory-mb 64
() => {
  const a = [];
  a[2 ** 32 - 2] = 1;
  a[5] = 3;
  a[70000] = 2;
  a.sort();
  return { length: a.length, first: a[0] };
}
