// A listener that adds listeners and dispatches again.
// expect: failed code.exception | terminated cpu_time | terminated memory
// options: --cpu-ms 1000 --memory-mb 64
() => {
  const target = new EventTarget();
  const listen = () => {
    target.addEventListener("x", () => listen());
    target.dispatchEvent(new Event("x"));
  };
  listen();
}
