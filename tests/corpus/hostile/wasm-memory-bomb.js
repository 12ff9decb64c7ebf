// Memories grown to their maximum, all kept and written to.
// expect: terminated memory | failed code.exception
// expect-regulated: failed code.exception
// options: --cpu-ms 4000 --memory-mb 64
() => {
  const kept = [];
  for (;;) {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
    while (memory.buffer.byteLength < 1 << 30) {
      memory.grow(256);
      new Uint8Array(memory.buffer, memory.buffer.byteLength - (1 << 24)).fill(1);
    }
    kept.push(memory);
  }
}
