// ES modules on top of plain scripts: ECMA-262, sections 16.2.1.5 to 16.2.1.8, with the generator functions that
// rewrite.js makes as module environments. Runs user code, so it uses primordials and bare arrays throughout.
import { host } from "../host.js";
import { failure, syntaxFailure, typeFailure } from "../errors/failure.js";
import {
  asyncGeneratorNext,
  attempt,
  bareArray,
  create,
  defineProperty,
  freeze,
  generatorNext,
  jsonParse,
  mapGet,
  mapSet,
  NativeMap,
  NativePromise,
  NativeSet,
  NativeSyntaxError,
  objectKeys,
  promiseThen,
  setAdd,
  setHas,
  toStr,
} from "../primordials.js";
import { compileUnit } from "./units.js";
import { evaluateModule } from "./evaluate.js";
import { makeNamespace } from "./namespace.js";
import { notFound, resolve } from "./resolve.js";
import { jsonErrorOffset } from "./json.js";
import { locate } from "./positions.js";

export class Linker {
  #units;
  #job;
  #records = new NativeMap(); // key -> record

  constructor(units, job) {
    this.#units = units;
    this.#job = job;
  }

  // Starts the module named `key`. Returns {record, done}: `done` undefined (evaluated) or a promise.
  run(key) {
    const record = this.#load(key);
    const isAsync = this.#link(record);
    // Generators of modules that await reach their yield in the next turn; from there on they start at once.
    const done = isAsync ? promiseThen(resolved, () => evaluateModule(record)) : evaluateModule(record);
    return { record, done };
  }

  // --- load: everything that can be reached by static imports

  #load(key) {
    const known = mapGet(this.#records, key);
    if (known) {
      if (known.loadError) throw known.loadError.value;
      return known;
    }
    const unit = mapGet(this.#units, key);
    const record = newRecord(unit);
    mapSet(this.#records, key, record);
    try {
      this.#prepare(record);
    } catch (error) {
      record.loadError = { value: error };
      throw error;
    }
    return record;
  }

  #prepare(record) {
    const { unit } = record;
    if (unit.type !== "js" && unit.type !== "ts") {
      synthetic(record, () => contentOf(unit, this.#job));
      return;
    }
    compileUnit(unit, this.#job);
    if (unit.error) throw unit.error;
    const { requests } = unit.compiled;
    record.code = unit.compiled;
    for (let i = 0; i < requests.length; i++) {
      const { specifier, attributes, at } = requests[i];
      const key = this.#resolve(specifier, attributes, unit, at);
      record.requested[i] = this.#load(key);
    }
  }

  #resolve(specifier, attributes, importer, at) {
    const where = at === undefined ? { file: importer.name } : { file: importer.name, offset: at };
    const key = resolve(specifier, importer.key, this.#units);
    if (key === undefined)
      throw failure(NativeModuleError, "code.module_not_found", notFound(specifier, importer.name, this.#units), where);
    const { type } = mapGet(this.#units, key);
    for (let i = 0; i < attributes.length; i++) {
      const name = attributes[i][0];
      const value = attributes[i][1];
      if (name !== "type") throw syntaxFailure(`Import attribute '${name}' is not supported.`, where);
      const fits = value === type || (value === "bytes" && type === "data");
      if (!fits)
        throw typeFailure(
          "code.module_type",
          `Module '${specifier}' is of type ${type}, but '${importer.name}' imports it with {type: "${value}"}.`,
          where,
        );
    }
    return key;
  }

  // --- link: bind imports, enter every module's scope

  #link(record) {
    const fresh = bareArray();
    try {
      collect(record, fresh);
      for (let i = 0; i < fresh.length; i++) this.#instantiate(fresh[i]);
      for (let i = 0; i < fresh.length; i++) bindImports(fresh[i]);
      for (let i = 0; i < fresh.length; i++) enter(fresh[i]);
    } catch (error) {
      for (let i = 0; i < fresh.length; i++) fresh[i].status = "new";
      throw error;
    }
    let isAsync = false;
    for (let i = 0; i < fresh.length; i++) {
      fresh[i].status = "linked";
      if (fresh[i].async) isAsync = true;
    }
    return isAsync;
  }

  #instantiate(record) {
    if (record.factory || !record.code) return;
    const { unit } = record;
    try {
      record.factory = host.evaluate(record.code.code, unit.name, 1);
    } catch (error) {
      if (!(error instanceof NativeSyntaxError)) throw error;
      // The engine refuses what the parser let pass.
      throw syntaxFailure(error.message, {
        file: unit.name,
        line: error.line,
        column: 1,
        stripped: unit.type === "ts",
      });
    }
    record.module = freeze({
      __proto__: null,
      exports: (getters) => {
        if (record.getters) return;
        record.getters = getters;
        if (record.code.nameDefault)
          attempt(() => defineProperty(getters.default(), "name", { value: "default", configurable: true }));
      },
      meta: metaOf(unit),
      import: (specifier, options) => this.#importDynamically(unit, specifier, options),
    });
  }

  #importDynamically(importer, specifier, options) {
    return new NativePromise((settle, reject) => {
      try {
        const key = this.#resolve(`${specifier}`, dynamicAttributes(options), importer);
        const record = this.#load(key);
        this.#link(record);
        promiseThen(
          promiseThen(resolved, () => evaluateModule(record)),
          () => settle(namespaceOf(record)),
          reject,
        );
      } catch (error) {
        reject(error);
      }
    });
  }
}

const resolved = NativePromise.resolve();

class NativeModuleError extends Error {
  static {
    defineProperty(this.prototype, "name", { value: "Error", writable: true, configurable: true });
    defineProperty(this, "name", { value: "Error" });
  }
}

function newRecord(unit) {
  return {
    unit,
    status: "new", // new, linked, evaluating, evaluating-async, evaluated
    requested: bareArray(),
    code: null,
    getters: null,
    generator: null,
    namespace: null,
    error: null,
  };
}

function collect(record, list) {
  if (record.status !== "new") return;
  if (record.loadError) throw record.loadError.value;
  record.status = "linking";
  for (let i = 0; i < record.requested.length; i++) collect(record.requested[i], list);
  list[list.length] = record;
}

function bindImports(record) {
  if (!record.code) return;
  const { imports, indirect } = record.code;
  // `export {x} from` has to lead somewhere even when nobody asks for it.
  for (let i = 0; i < indirect.length; i++) {
    const name = indirect[i][0];
    if (indirect[i][2] !== "*")
      required(record, indirect[i][1], indirect[i][2], indirect[i][3], resolveExport(record, name));
  }
  const bindings = create(null);
  for (let i = 0; i < imports.length; i++) {
    const index = imports[i][0];
    const name = imports[i][1];
    const target = record.requested[index];
    const local = imports[i][2];
    if (name === "*") {
      defineProperty(bindings, local, { get: () => namespaceOf(target) });
      continue;
    }
    const found = required(record, index, name, imports[i][3], resolveExport(target, name));
    defineProperty(bindings, local, { get: getterOf(found) });
  }
  record.bindings = freeze(bindings);
}

function required(record, index, name, at, found) {
  if (found && found !== "ambiguous") return found;
  const { specifier } = record.code.requests[index];
  const message = found
    ? `The requested module '${specifier}' contains conflicting star exports for name '${name}'`
    : `The requested module '${specifier}' does not provide an export named '${name}'`;
  throw syntaxFailure(message, { file: record.unit.name, offset: at });
}

// The getter throws the engine's own ReferenceError while the binding is in its dead zone.
function getterOf({ record, name }) {
  if (name === "*") return () => namespaceOf(record);
  return () => record.getters[name]();
}

// ResolveExport: {record, name}, null, or "ambiguous".
export function resolveExport(record, name, seen = new NativeMap()) {
  let names = mapGet(seen, record);
  if (!names) mapSet(seen, record, (names = new NativeSet()));
  if (setHas(names, name)) return null;
  setAdd(names, name);
  if (!record.code) return name === "default" ? { record, name } : null;
  const { names: local, indirect, stars } = record.code;
  for (let i = 0; i < local.length; i++) if (local[i] === name) return { record, name };
  for (let i = 0; i < indirect.length; i++) {
    if (indirect[i][0] !== name) continue;
    const target = record.requested[indirect[i][1]];
    return indirect[i][2] === "*" ? { record: target, name: "*" } : resolveExport(target, indirect[i][2], seen);
  }
  if (name === "default") return null;
  let found = null;
  for (let i = 0; i < stars.length; i++) {
    const other = resolveExport(record.requested[stars[i]], name, seen);
    if (other === "ambiguous") return other;
    if (!other) continue;
    if (found && (found.record !== other.record || found.name !== other.name)) return "ambiguous";
    found = other;
  }
  return found;
}

function exportedNames(record, into, seen) {
  if (setHas(seen, record)) return;
  setAdd(seen, record);
  if (!record.code) {
    setAdd(into, "default");
    return;
  }
  const { names, indirect, stars } = record.code;
  for (let i = 0; i < names.length; i++) setAdd(into, names[i]);
  for (let i = 0; i < indirect.length; i++) setAdd(into, indirect[i][0]);
  for (let i = 0; i < stars.length; i++) {
    const inner = new NativeSet();
    exportedNames(record.requested[stars[i]], inner, seen);
    inner.delete("default");
    inner.forEach((name) => setAdd(into, name));
  }
}

export function namespaceOf(record) {
  if (record.namespace) return record.namespace;
  const names = new NativeSet();
  exportedNames(record, names, new NativeSet());
  const getters = create(null);
  names.forEach((name) => {
    const found = resolveExport(record, name);
    if (found && found !== "ambiguous") getters[name] = getterOf(found);
  });
  return (record.namespace = makeNamespace(getters));
}

function enter(record) {
  if (!record.factory) return;
  const generator = record.factory(record.bindings, record.module)();
  record.generator = generator;
  record.async = record.code.async;
  if (record.async) asyncGeneratorNext(generator);
  else generatorNext(generator);
}

function metaOf(unit) {
  const url = `cordon:///${unit.key}`;
  return { __proto__: null, url, main: unit.isMain };
}

function dynamicAttributes(options) {
  const list = bareArray();
  if (options === undefined) return list;
  if (typeof options !== "object" || options === null)
    throw typeFailure("code.exception", "The second argument of import() must be an object.");
  const attributes = options.with;
  if (attributes === undefined) return list;
  if (typeof attributes !== "object" || attributes === null)
    throw typeFailure("code.exception", "The 'with' option of import() must be an object.");
  const names = objectKeys(attributes);
  for (let i = 0; i < names.length; i++) list[i] = [names[i], toStr(attributes[names[i]])];
  return list;
}

// --- modules that are not code

function synthetic(record, make) {
  let value;
  let made = false;
  record.evaluateSynthetic = () => {
    value = make();
    made = true;
  };
  record.getters = {
    __proto__: null,
    default: () => {
      if (!made) throw new ReferenceError("Cannot access 'default' before initialization.");
      return value;
    },
  };
}

const NativeModule = globalThis.WebAssembly?.Module;

function contentOf(unit, job) {
  const { source, type, name } = unit;
  if (type === "text" || type === "data") return source;
  if (type === "json") {
    try {
      return jsonParse(source);
    } catch (error) {
      throw syntaxFailure(error.message, jsonPosition(unit));
    }
  }
  if (type === "wasm") {
    if (!job.wasm)
      throw typeFailure(
        "code.module_type",
        `Module '${name}' is WebAssembly, which is switched off in this engine mode ("regulated"). Use a profile of another service tier, or plain JavaScript.`,
        { file: name },
      );
    return new NativeModule(source);
  }
  throw typeFailure(
    "code.module_type",
    `Module '${name}' has the unknown type '${type}'. Types: auto, js, ts, json, text, data, wasm.`,
    { file: name },
  );
}

// The engine does not say where JSON goes wrong.
const jsonPosition = ({ name, source }) => ({ file: name, ...locate(source, jsonErrorOffset(source)) });
