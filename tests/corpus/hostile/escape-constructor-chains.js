// Every way to the Function constructor leads to a refusal.
// expect: completed {"refused":9,"ran":0}
() => {
  const code = "globalThis.ran = (globalThis.ran || 0) + 1";
  const ways = [
    () => (() => {}).constructor(code)(),
    () => [].constructor.constructor(code)(),
    () => (async () => {}).constructor(code)(),
    () => (function* () {}).constructor(code)().next(),
    () => (async function* () {}).constructor(code)().next(),
    () => Reflect.construct(Function, [code])(),
    () => eval(code),
    () => (0, eval)(code),
    () => setTimeout(code, 0),
  ];
  let refused = 0;
  for (const way of ways) {
    try {
      way();
    } catch {
      refused++;
    }
  }
  return { refused, ran: globalThis.ran ?? 0 };
}
