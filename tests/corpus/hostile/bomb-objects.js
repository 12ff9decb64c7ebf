// A linked list of small objects.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  let head = null;
  for (let i = 0; ; i++) head = { i, head, more: { a: i, b: i } };
}
