// Closures that hold each other.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  let chain = () => 0;
  for (;;) {
    const previous = chain;
    const ballast = [1, 2, 3, 4, 5, 6, 7, 8];
    chain = () => previous() + ballast.length;
  }
}
