// One ArrayBuffer far past the ceiling, nobody catches the RangeError.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => new ArrayBuffer(1 << 30).byteLength;
