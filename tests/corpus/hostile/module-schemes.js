// data:, file:, blob:, http: and the like: nothing is fetched, nothing is read, nothing is evaluated.
// expect: completed {"refused":9,"ran":false}
export default async () => {
  const names = ["data:text/javascript,globalThis.ran=true", "file:///etc/passwd", "blob:null/1", "http://example.com/x.js", "https://example.com/x.js", "node:fs", "npm:left-pad", "cordon:prelude", "javascript:globalThis.ran=true"];
  let refused = 0;
  for (const name of names) await import(name).catch(() => refused++);
  return { refused, ran: "ran" in globalThis };
};
