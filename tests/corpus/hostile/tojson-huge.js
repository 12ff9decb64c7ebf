// toJSON that returns more than the output ceiling.
// expect: terminated output
// options: --output-kb 64
() => ({ toJSON: () => "x".repeat(1 << 20) })
