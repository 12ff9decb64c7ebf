// Everything that can be deleted from the global object is deleted.
// expect: completed {"left":"ok"}
() => {
  for (const key of Reflect.ownKeys(globalThis)) {
    try {
      delete globalThis[key];
    } catch {}
  }
  return { left: "ok" };
}
