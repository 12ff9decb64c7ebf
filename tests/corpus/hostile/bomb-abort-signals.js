// A tree of abort signals, aborted at the root.
// expect: completed {"aborted":true} | terminated cpu_time | terminated memory
// options: --cpu-ms 2000 --memory-mb 64
() => {
  const root = new AbortController();
  let signals = [root.signal];
  for (let i = 0; i < 12; i++) signals = signals.flatMap((s) => [AbortSignal.any([s]), AbortSignal.any([s, root.signal])]);
  root.abort();
  return { aborted: signals.every((s) => s.aborted) };
}
