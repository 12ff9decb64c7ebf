// Waits for what cannot come. Its wall time ends it.
// expect: terminated wall_time
// options: --wall-ms 400
async () => {
  await new Promise(() => {});
}
