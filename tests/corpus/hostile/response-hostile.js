// What a fetch handler returns is no Response, but looks like one.
// expect: failed code.exception
export default {
  fetch: () => ({ __proto__: Response.prototype, status: 200, get headers() { throw new Error("hostile"); } }),
};
