// A result past the output ceiling.
// expect: terminated output
// options: --output-kb 64
() => "x".repeat(100000)
