// A thenable that never calls back.
// expect: terminated wall_time
// options: --wall-ms 400
() => ({ then() {} });
