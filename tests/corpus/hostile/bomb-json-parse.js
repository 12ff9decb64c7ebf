// Little text, many objects.
// expect: terminated memory
// options: --cpu-ms 8000 --memory-mb 64
() => {
  const text = `[${"[{}],".repeat(200000)}0]`;
  const kept = [];
  for (;;) kept.push(JSON.parse(text));
}
