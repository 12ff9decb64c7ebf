// The same graph as the result: the platform's own writer has to stand it.
// expect: terminated memory | terminated cpu_time | terminated output
// options: --cpu-ms 3000 --memory-mb 64
() => {
  let node = { leaf: "0123456789" };
  for (let i = 0; i < 40; i++) node = { a: node, b: node };
  return node;
}
