// Bytes past the largest result that the platform can carry.
// expect: terminated output
// options: --output-kb 32768 --memory-mb 512 --cpu-ms 4000
() => new Uint8Array(40 << 20)
