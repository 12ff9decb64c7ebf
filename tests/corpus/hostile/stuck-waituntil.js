// The result is there, but what was given to waitUntil never settles.
// expect: failed code.stalled
export default (input, ctx) => {
  ctx.waitUntil(new Promise(() => {}));
  return "done";
};
