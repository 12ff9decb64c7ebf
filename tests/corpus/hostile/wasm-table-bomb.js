// Tables of ten million entries.
// expect: terminated memory | failed code.exception
// expect-regulated: failed code.exception
// options: --cpu-ms 4000 --memory-mb 64
() => {
  const kept = [];
  for (;;) kept.push(new WebAssembly.Table({ initial: 10000000, element: "anyfunc" }));
}
