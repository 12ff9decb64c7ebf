// A typed array whose comparator shrinks the buffer under it.
// expect: completed {"sorted":0,"filled":0,"set":true}
() => {
  const make = () => {
    const buffer = new ArrayBuffer(4096, { maxByteLength: 8192 });
    return [buffer, new Uint32Array(buffer)];
  };
  const [a, sorting] = make();
  sorting.sort(() => (a.resize(0), 1));
  const [b, filling] = make();
  filling.fill({ valueOf: () => (b.resize(0), 7) });
  const [c, setting] = make();
  let set = true;
  try {
    setting.set({ length: 100, get 5() { c.resize(4); return 1; } });
  } catch {}
  set = setting.length === 1;
  return { sorted: sorting.length, filled: filling.length, set };
}
