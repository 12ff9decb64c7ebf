// Headers and bodies of any size, never sent.
// expect: terminated memory | terminated cpu_time | failed code.exception
// options: --cpu-ms 3000 --memory-mb 64
() => {
  const headers = new Headers();
  for (let i = 0; ; i++) headers.append(`x-${i}`, "v".repeat(100));
}
