// console and the timers are replaced; nothing of it reaches the platform's own.
// expect: completed "done"
// expect-logs: ["before"]
async () => {
  console.log("before");
  const real = setTimeout;
  globalThis.console = { log: () => real(() => {}, 0) };
  globalThis.setTimeout = globalThis.setInterval = globalThis.queueMicrotask = () => {
    throw new Error("forged");
  };
  console.log("after");
  await new Promise((resolve) => real(resolve, 1));
  return "done";
}
