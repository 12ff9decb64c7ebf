// Requests queue up in an async generator that never yields.
// expect: terminated wall_time | terminated memory
// options: --cpu-ms 3000 --memory-mb 64 --wall-ms 3000
async () => {
  const g = (async function* () { await new Promise(() => {}); })();
  const all = [];
  for (let i = 0; i < 10000; i++) all.push(g.next());
  return await Promise.all(all);
}
