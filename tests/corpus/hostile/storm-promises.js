// Promises that fork promises.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 5000 --memory-mb 64
async () => {
  const spawn = async () => {
    await null;
    return Promise.all([spawn(), spawn()]);
  };
  return spawn();
}
