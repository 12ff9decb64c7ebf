// A string that doubles: the engine refuses at its own maximum, which is an ordinary error.
// expect: failed code.exception | terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  let s = "x";
  for (;;) s += s;
}
