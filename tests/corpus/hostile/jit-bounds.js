// Compiled loops over views whose length changes, with indices that wrap.
// expect: completed {"read":0}
// options: --cpu-ms 6000 --memory-mb 128
() => {
  let read = 0;
  const get = (view, i) => view[i | 0];
  const buffer = new ArrayBuffer(1024, { maxByteLength: 65536 });
  const view = new Uint32Array(buffer);
  for (let n = 0; n < 200000; n++) {
    if (n % 5000 === 0) buffer.resize((n / 5000) % 2 ? 16 : 1024);
    const value = get(view, n % 300) ?? get(view, -1) ?? get(view, 2 ** 31 + n) ?? 0;
    if (value !== 0) read++;
  }
  return { read };
}
