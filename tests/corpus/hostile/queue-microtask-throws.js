// An error in a microtask is the outcome.
// expect: failed code.exception
async () => {
  queueMicrotask(() => {
    throw new Error("from a microtask");
  });
  await new Promise((resolve) => setTimeout(resolve, 1));
  return "done";
}
