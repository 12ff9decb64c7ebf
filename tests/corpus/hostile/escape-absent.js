// What would tell time, threads or the collector, or would lead out, is not there.
// expect: completed []
() => {
  const names = ["WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "require", "process", "module", "exports", "Deno", "Bun", "Buffer", "__dirname", "XMLHttpRequest", "WebSocket", "Worker", "importScripts", "gc", "$vm", "print", "readFile", "load", "quit", "ShadowRealm", "Temporal", "EventSource", "indexedDB", "localStorage", "document", "window"];
  return names.filter((name) => name in globalThis);
}
