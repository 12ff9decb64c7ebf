// Well-known symbols on the prototypes: what is printed and returned stays what it is.
// expect: completed {"n":1}
// expect-logs: ["1 true x"]
() => {
  const forged = () => "forged";
  for (const C of [Number, String, Boolean, Object, Array, Function])
    for (const symbol of [Symbol.toPrimitive, Symbol.toStringTag, Symbol.isConcatSpreadable, Symbol.match, Symbol.replace, Symbol.split])
      try {
        Object.defineProperty(C.prototype, symbol, { value: forged, configurable: true });
      } catch {}
  console.log(1, true, "x");
  for (const symbol of [Symbol.toPrimitive, Symbol.toStringTag]) delete Object.prototype[symbol];
  return { n: 1 };
}
