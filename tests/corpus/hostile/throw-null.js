// expect: failed code.exception
() => {
  throw null;
}
