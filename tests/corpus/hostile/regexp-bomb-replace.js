// Quadratic and worse by String.prototype.replace with a global pattern.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => "x".repeat(60000).replace(/(x+x+)+y/g, "").length;
