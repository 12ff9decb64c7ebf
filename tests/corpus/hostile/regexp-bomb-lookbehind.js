// A look-ahead and a back reference, which no simple matcher can take.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => /^(?=((?:a|aa)+)+$)\1b/.test("a".repeat(60) + "b".repeat(2) + "c");
