// A hot function whose assumptions break again and again.
// expect: completed 3000000
// options: --cpu-ms 6000 --memory-mb 128
() => {
  const read = (o) => o.x;
  let wrong = 0;
  for (let round = 0; round < 30; round++) {
    for (let i = 0; i < 100000; i++) {
      const o = i % 1000 === 999 ? { y: round, x: i } : round % 3 ? { x: i } : { z: 0, x: i };
      if (round % 10 === 9 && i === 500) Object.defineProperty(o, "x", { get: () => i });
      if (read(o) !== i) wrong++;
    }
  }
  return 30 * 100000 - wrong;
}
