// The functions of the host and the hooks of the prelude are nowhere to be found.
// expect: completed {"found":[],"host":"undefined","hooks":"undefined","source":true}
() => {
  const wanted = ["evaluate", "utf8Encode", "utf8Decode", "operation", "compiled", "exhausted", "proxyTarget"];
  const found = [];
  const seen = new Set();
  const visit = (object, path, depth) => {
    if ((typeof object !== "object" && typeof object !== "function") || object === null || seen.has(object) || depth > 8) return;
    seen.add(object);
    for (const key of Reflect.ownKeys(object)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(object, key);
      if (wanted.includes(key) && typeof descriptor.value === "function") found.push(`${path}.${String(key)}`);
      for (const part of [descriptor.value, descriptor.get, descriptor.set]) visit(part, `${path}.${String(key)}`, depth + 1);
    }
    visit(Object.getPrototypeOf(object), `${path}.__proto__`, depth + 1);
  };
  visit(globalThis, "globalThis", 0);
  return { found, host: typeof host, hooks: typeof hooks, source: /native code|=>|\(/.test(Function.prototype.toString.call(setTimeout)) };
}
