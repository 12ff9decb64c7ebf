// Setters and getters on Object.prototype under every name that the platform's own objects use.
// expect: completed {"a":1,"list":[1,{"b":2}]}
// expect-logs: ["honest"]
() => {
  const names = ["value", "error", "code", "kind", "call", "result", "status", "payload", "input", "text", "data", "name", "message", "stack", "file", "line", "get", "set", "writable", "enumerable", "configurable", "length", "toJSON", "then", "type", "left", "seen", "depth", "0", "1", "2"];
  for (const name of names)
    Object.defineProperty(Object.prototype, name, { __proto__: null,
      get() {
        return name === "toJSON" || name === "then" || name === "get" || name === "set" ? undefined : "forged";
      },
      set(value) {
        throw new Error(`forged by ${name}`);
      },
      configurable: true,
    });
  console.log("honest");
  for (const name of names) if (name !== "value" && name !== "code" && name !== "kind" && name !== "error") delete Object.prototype[name];
  return { a: 1, list: [1, { b: 2 }] };
}
