// A thousand rejections that nobody handles: the first of them is the outcome.
// expect: failed code.unhandled_rejection
() => {
  for (let i = 0; i < 1000; i++) Promise.reject(new Error(`nobody ${i}`));
  return "fine";
}
