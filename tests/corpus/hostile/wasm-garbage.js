// Bytes that are no module, and modules that are cut off.
// expect: completed {"CompileError":30}
// expect-regulated: completed {"ReferenceError":30}
() => {
  const whole = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11];
  const kinds = {};
  for (let i = 0; i < 30; i++) {
    const cut = i < 8 ? whole.slice(0, i) : whole.map((b, k) => (k === i ? b ^ 255 : b));
    try {
      new WebAssembly.Module(new Uint8Array(cut));
    } catch (error) {
      kinds[error.name] = (kinds[error.name] ?? 0) + 1;
    }
  }
  return kinds;
}
