// A microtask that queues itself.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  const again = () => queueMicrotask(again);
  again();
  return new Promise(() => {});
}
