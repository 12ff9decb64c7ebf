// String.prototype and RegExp.prototype are the attacker's: errors are still told as they are.
// expect: failed code.exception
() => {
  for (const { prototype } of [String, RegExp, Number, Boolean])
    for (const key of Reflect.ownKeys(prototype))
      if (key !== "constructor" && key !== "length") Object.defineProperty(prototype, key, { get: () => () => "forged", configurable: true });
  throw new TypeError("honest");
}
