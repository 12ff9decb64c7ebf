// expect: failed code.exception
() => {
  throw "";
}
