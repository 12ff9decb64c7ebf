// Exponential backtracking.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => /^(?:a+)+$/.test("a".repeat(40) + "b");
