// The endless loop starts after the entry function was left for a while.
// expect: terminated cpu_time
// options: --cpu-ms 200
async () => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  for (;;);
}
