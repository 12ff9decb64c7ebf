// A thousand instances, each with a memory of its own.
// expect: completed 1000 | terminated memory | failed code.exception | terminated cpu_time | terminated wall_time
// expect-regulated: failed code.exception
// options: --cpu-ms 4000 --memory-mb 64
() => {
  const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 109, 2, 0];
  const module = new WebAssembly.Module(new Uint8Array(bytes));
  const kept = [];
  for (let i = 0; i < 1000; i++) kept.push(new WebAssembly.Instance(module));
  return kept.length;
}
