// Three functions that call each other through getters, proxies and bound functions.
// expect: completed {"name":"RangeError","alive":true}
() => {
  const a = { get next() { return b(); } };
  const b = () => new Proxy(c, {})();
  const c = function () { return a.next; }.bind(null);
  try {
    return b();
  } catch (error) {
    return { name: error.name, alive: true };
  }
}
