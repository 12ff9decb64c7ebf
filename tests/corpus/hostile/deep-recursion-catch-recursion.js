// Each level catches the overflow of the one below and tries again: 2**depth calls.
// expect: terminated cpu_time
// options: --cpu-ms 300
() => {
  const again = () => {
    try {
      again();
    } catch {
      again();
    }
  };
  again();
}
