// Inside of a turn no clock ticks, however long it takes.
// expect: completed {"date":0,"performance":0,"intl":true}
() => {
  const start = Date.now();
  const begin = performance.now();
  const format = new Intl.DateTimeFormat("en", { fractionalSecondDigits: 3, second: "numeric" });
  const first = format.format();
  let x = 0;
  for (let i = 0; i < 300000; i++) x = (x * 31 + i) | 0;
  return { date: Date.now() - start, performance: performance.now() - begin, intl: format.format() === first };
}
