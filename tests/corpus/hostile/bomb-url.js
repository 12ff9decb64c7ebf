// URL and its parameters, quadratically.
// expect: terminated cpu_time | terminated memory | completed
// options: --cpu-ms 1000 --memory-mb 64
() => {
  const url = new URL("https://example.com/");
  for (let i = 0; i < 20000; i++) url.searchParams.append(`k${i}`, "ü".repeat(10));
  return url.href.length;
}
