// Reading a body twice at once, and a stream that never ends.
// expect: terminated wall_time | failed code.exception
// options: --wall-ms 400
export default {
  async fetch() {
    const stream = typeof ReadableStream === "function" ? new ReadableStream({ pull: () => new Promise(() => {}) }) : null;
    if (stream === null) throw new TypeError("no streams here");
    return new Response(await new Response(stream).text());
  },
};
