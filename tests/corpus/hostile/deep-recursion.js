// The stack ends before the process does.
// expect: failed code.exception
() => {
  const down = (n) => down(n + 1) + 1;
  return down(0);
}
