// waitUntil work that fails and logs after the result does not replace it.
// expect: completed "result"
export default (input, ctx) => {
  ctx.waitUntil(Promise.reject(new Error("late")));
  ctx.waitUntil({ then: (resolve) => resolve({ forged: true }) });
  ctx.waitUntil(new Promise((resolve) => setTimeout(resolve, 1)));
  return "result";
};
