// The same in a log line: shown, and no trap runs.
// expect: completed 0
() => {
  let trapped = 0;
  const handler = new Proxy({}, { get: () => () => { trapped++; throw new Error("trapped"); } });
  const { proxy, revoke } = Proxy.revocable([], handler);
  console.log(new Proxy({ a: 1 }, handler), [new Proxy(() => {}, handler)], proxy);
  revoke();
  console.log(proxy, { proxy });
  return trapped;
}
