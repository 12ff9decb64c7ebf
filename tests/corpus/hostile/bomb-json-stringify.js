// A graph without cycles whose text is 2**40 long.
// expect: terminated memory | failed code.exception
// options: --cpu-ms 8000 --memory-mb 64
() => {
  let node = { leaf: "0123456789" };
  for (let i = 0; i < 40; i++) node = { a: node, b: node };
  return JSON.stringify(node).length;
}
