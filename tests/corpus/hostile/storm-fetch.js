// A flood of operations; every one is denied, and their number ends it.
// expect: terminated operations
// options: --operations 50
async () => {
  for (;;) await fetch("https://example.com/").catch(() => {});
}
