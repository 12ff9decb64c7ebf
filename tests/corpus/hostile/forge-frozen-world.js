// Everything is frozen, the global object included.
// expect: completed {"slow":2}
// expect-logs: ["still here"]
async () => {
  const freeze = (object, seen = new Set()) => {
    if ((typeof object !== "object" && typeof object !== "function") || object === null || seen.has(object)) return;
    seen.add(object);
    for (const key of Reflect.ownKeys(object)) {
      const descriptor = Reflect.getOwnPropertyDescriptor(object, key);
      for (const part of [descriptor.value, descriptor.get, descriptor.set]) freeze(part, seen);
    }
    freeze(Object.getPrototypeOf(object), seen);
    try {
      Object.freeze(object);
    } catch {}
  };
  freeze(globalThis);
  console.log("still here");
  await new Promise((resolve) => setTimeout(resolve, 1));
  return { slow: 2 };
}
