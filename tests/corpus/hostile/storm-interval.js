// An interval of 0 ms that is never cleared, awaited for ever: each waiting is an operation.
// expect: terminated operations
// options: --operations 20 --wall-ms 8000
() => {
  setInterval(() => {}, 0);
  return new Promise(() => {});
}
