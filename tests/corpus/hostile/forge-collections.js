// Map, Set, WeakMap and their prototypes are the attacker's: timers and operations still work.
// expect: completed {"fired":true,"code":"egress.denied"}
async () => {
  for (const { prototype } of [Map, Set, WeakMap, WeakSet])
    for (const key of Reflect.ownKeys(prototype))
      if (key !== "constructor") Object.defineProperty(prototype, key, { get: () => () => "forged", configurable: true });
  globalThis.Map = globalThis.Set = globalThis.WeakMap = globalThis.WeakSet = null;
  let fired = false;
  await new Promise((resolve) =>
    setTimeout(() => {
      fired = true;
      resolve();
    }, 1),
  );
  const { code } = await fetch("https://example.com/").catch((error) => error);
  return { fired, code };
}
