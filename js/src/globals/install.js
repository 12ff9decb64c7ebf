// The global object as users find it.
import "../fetch/entry.js";
import { installAbort } from "./abort.js";
import { installConsole } from "./console.js";
import { installDOMException } from "./dom-exception.js";
import { installEncoding } from "./encoding.js";
import { installEvents } from "./events.js";
import { installFetch } from "../fetch/fetch.js";
import { installHeaders } from "../fetch/headers.js";
import { defineFunctions } from "./idl.js";
import { installMisc } from "./misc.js";
import { installRequest } from "../fetch/request.js";
import { installResponse } from "../fetch/response.js";
import { installStructuredClone } from "./structured-clone.js";
import { timerFunctions } from "../timers.js";
import { installURL } from "./url.js";
import { installWebAssembly } from "./wasm.js";
import { deleteProperty } from "../primordials.js";

// What depends on the collector or on other threads has no place in a run that can be replayed.
const absent = ["WeakRef", "FinalizationRegistry", "SharedArrayBuffer", "Temporal", "ShadowRealm", "console"];

export function installGlobals() {
  for (const name of absent) deleteProperty(globalThis, name);
  deleteProperty(Atomics, "waitAsync");
  installDOMException();
  installConsole();
  installEncoding();
  installEvents();
  installAbort();
  installMisc();
  installURL();
  installStructuredClone();
  installHeaders();
  installRequest();
  installResponse();
  installFetch();
  installWebAssembly();
  defineFunctions(timerFunctions);
}
