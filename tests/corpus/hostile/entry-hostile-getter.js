// The default export is an object whose `fetch` is a getter with a mind of its own.
// expect: completed {"status":200,"headers":{"content-type":"application/json"},"body":{"reads":1}}
let reads = 0;
export default {
  get fetch() {
    reads++;
    return reads === 1 ? () => Response.json({ reads }) : () => new Response("forged");
  },
};
