// A module of thousands of long functions.
// expect: completed 2000 | terminated cpu_time | terminated memory | failed code.exception
// expect-regulated: failed code.exception
// options: --cpu-ms 3000 --memory-mb 256
() => {
  const COUNT = 2000;
  const leb = (n) => {
    const out = [];
    do out.push((n & 127) | (n > 127 ? 128 : 0));
    while ((n >>= 7));
    return out;
  };
  const section = (id, body) => [id, ...leb(body.length), ...body];
  const code = [0];
  for (let i = 0; i < 300; i++) code.push(32, 0, 65, 3, 106, 33, 0);
  code.push(32, 0, 11);
  const bodies = [];
  for (let i = 0; i < COUNT; i++) for (const b of [...leb(code.length), ...code]) bodies.push(b);
  const bytes = [0, 97, 115, 109, 1, 0, 0, 0];
  const add = (part) => { for (const b of part) bytes.push(b); };
  add(section(1, [1, 96, 1, 127, 1, 127]));
  add(section(3, [...leb(COUNT), ...new Array(COUNT).fill(0)]));
  add([10, ...leb(bodies.length + leb(COUNT).length), ...leb(COUNT)]);
  add(bodies);
  new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
  return COUNT;
}
