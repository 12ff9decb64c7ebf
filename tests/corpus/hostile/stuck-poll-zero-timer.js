// Polls the clock between timers of 0 ms: time must pass between turns, or such code never ends.
// expect: completed "it passed"
// options: --cpu-ms 2000 --operations 100000
async () => {
  const start = Date.now();
  while (Date.now() - start < 5) await new Promise((resolve) => setTimeout(resolve, 0));
  return "it passed";
}
