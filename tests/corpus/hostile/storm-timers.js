// More timers at once than the platform keeps.
// expect: failed code.limit
() => {
  for (;;) setTimeout(() => {}, 1000);
}
