// A wait that was given up must not wake a later one early, with the clock of the later one.
// expect: terminated wall_time
// options: --wall-ms 600
async () => {
  const first = setTimeout(() => {}, 100);
  await fetch("https://example.com/").catch(() => {});
  clearTimeout(first);
  await new Promise((resolve) => setTimeout(resolve, 3600e3));
  return "an hour has passed";
}
