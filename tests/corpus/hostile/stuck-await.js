// Waits for what cannot come. It ends at once, with a typed error, and not at its wall time.
// expect: failed code.stalled
async () => {
  await new Promise(() => {});
}
