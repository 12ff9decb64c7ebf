// A thenable that resolves with another one, for ever.
// expect: terminated cpu_time
// options: --cpu-ms 300
() => {
  const make = () => ({ then: (resolve) => resolve(make()) });
  return make();
}
