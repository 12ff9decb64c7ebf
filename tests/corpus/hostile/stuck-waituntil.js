// The result is there, but what was given to waitUntil never settles.
// expect: terminated wall_time
// options: --wall-ms 400
export default (input, ctx) => {
  ctx.waitUntil(new Promise(() => {}));
  return "done";
};
