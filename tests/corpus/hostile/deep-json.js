// JSON.parse and JSON.stringify of the same depth.
// expect: completed {"parsed":true,"written":"RangeError"}
// options: --memory-mb 128 --cpu-ms 3000
() => {
  const kind = (fn) => {
    try {
      fn();
      return true;
    } catch (error) {
      return error.name;
    }
  };
  let value = 1;
  for (let i = 0; i < 400000; i++) value = [value];
  return { parsed: kind(() => JSON.parse("[".repeat(20000) + "]".repeat(20000))), written: kind(() => JSON.stringify(value)) };
}
