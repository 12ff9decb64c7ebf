// Buffers that reserve little and then grow.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  const kept = [];
  for (;;) {
    const buffer = new ArrayBuffer(0, { maxByteLength: 1 << 24 });
    buffer.resize(1 << 24);
    new Uint8Array(buffer).fill(1);
    kept.push(buffer);
  }
}
