// A rejection that is handled too late, and one that is handled in time.
// expect: failed code.unhandled_rejection
async () => {
  const handled = Promise.reject(new Error("in time"));
  handled.catch(() => {});
  const late = Promise.reject(new Error("too late"));
  await new Promise((resolve) => setTimeout(resolve, 1));
  late.catch(() => {});
  return "done";
}
