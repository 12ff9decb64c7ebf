// The same inside of a lookbehind and a back reference, which no simple matcher can take.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => /(?<=^((?:a|a)*))b\1$/.test("a".repeat(36) + "b".repeat(2) + "c");
