// Many functions, each hot enough to be compiled.
// expect: completed 2000 | terminated cpu_time | terminated memory
// options: --eval --cpu-ms 4000 --memory-mb 64
() => {
  let n = 0;
  for (let i = 0; i < 2000; i++) {
    const f = new Function("x", `let s = ${i}; for (let k = 0; k < 300; k++) s = (s * 31 + x + k) | 0; return s;`);
    f(i);
    n++;
  }
  return n;
}
