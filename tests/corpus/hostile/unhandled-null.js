// Rejected with nothing at all.
// expect: failed code.unhandled_rejection
() => {
  Promise.reject();
  return 1;
}
