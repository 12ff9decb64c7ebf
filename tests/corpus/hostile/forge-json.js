// JSON is the attacker's; the result is written without it.
// expect: completed {"a":[1,"x",null,true]}
// expect-logs: ["{ a: 1 }"]
() => {
  JSON.stringify = () => '{"forged":true}';
  JSON.parse = () => ({ forged: true });
  Object.prototype.toJSON = undefined;
  String.prototype.toJSON = () => "forged";
  globalThis.JSON = null;
  console.log({ a: 1 });
  return { a: [1, "x", null, true] };
}
