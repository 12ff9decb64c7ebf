// A thenable that never calls back.
// expect: failed code.stalled
() => ({ then() {} });
