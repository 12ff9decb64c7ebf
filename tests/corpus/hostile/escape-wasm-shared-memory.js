// A shared WebAssembly memory would be a SharedArrayBuffer by the back door, and a clock.
// expect: completed "refused"
// expect-regulated: completed "refused"
() => {
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return memory.buffer.constructor.name;
  } catch {
    return "refused";
  }
}
