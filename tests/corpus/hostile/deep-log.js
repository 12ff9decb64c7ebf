// Deep and wide values in a log line are cut, not followed.
// expect: completed "done"
// options: --memory-mb 128 --cpu-ms 3000
() => {
  let deep = {};
  for (let i = 0; i < 100000; i++) deep = { deep };
  console.log(deep, Array.from({ length: 100000 }, (_, i) => ({ i })), "x".repeat(10 ** 6));
  return "done";
}
