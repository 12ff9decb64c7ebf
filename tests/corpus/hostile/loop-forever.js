// The plainest attack: a loop that never ends.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  for (;;);
}
