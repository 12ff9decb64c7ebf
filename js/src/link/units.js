// The modules of an artifact, each with what it takes to run it.
import { rewrite } from "./rewrite.js";
import { parse } from "./parse.js";
import { strip } from "./typescript.js";
import { normalize, typeOf } from "./resolve.js";
import { unfence } from "./fences.js";
import { locate } from "./positions.js";
import { factsOf, syntaxFailure } from "../errors/failure.js";
import { mapGet, mapSet, NativeMap, stringIncludes } from "../primordials.js";

const COMPILED_VERSION = 1;

// A Map by normalized name. A unit: {name, key, type, source, text, isMain, compiled, error}; `source` is what the
// user wrote, `text` the part of it that is code, at the same lines and columns.
export function makeUnits(job) {
  const units = new NativeMap();
  // Errors are placed with these, after user code has run.
  for (let i = 0; i < job.modules.length; i++) {
    const { name, type, source } = job.modules[i];
    const key = normalize(name);
    const isMain = name === job.main;
    const unit = { name, key, type: typeOf({ name, type }, job.language, isMain), source, text: source, isMain };
    unit.mayBeTypeScript = unit.type === "js" && isMain && job.language === "" && !stringIncludes(name, ".");
    if (isMain && job.fences && typeof source === "string") openFence(unit, job.language, false);
    mapSet(units, key, unit);
  }
  return units;
}

function openFence(unit, language, anywhere) {
  const inside = unfence(unit.source, anywhere);
  if (!inside) return false;
  unit.text = inside.code;
  if (language === "" && inside.language !== "") {
    unit.type = inside.language;
    unit.mayBeTypeScript = false;
  }
  return true;
}

export function compileUnit(unit, job) {
  if (unit.compiled || unit.error || (unit.type !== "js" && unit.type !== "ts")) return;
  try {
    unit.compiled = compileText(unit);
  } catch (error) {
    // Prose before the fence: only worth a look when the text as a whole is no program.
    const again = unit.isMain && job.fences && unit.text === unit.source && openFence(unit, job.language, true);
    if (!again) unit.error = error;
    else {
      try {
        unit.compiled = compileText(unit);
      } catch (inside) {
        unit.error = inside;
      }
    }
  }
}

function compileText(unit) {
  if (unit.type === "ts") return compileTypeScript(unit);
  let failed;
  try {
    const { ast, entry } = parse(unit.text, unit.isMain);
    return rewrite(unit.text, ast, entry);
  } catch (error) {
    failed = positioned(error, unit);
  }
  if (unit.mayBeTypeScript) {
    try {
      const compiled = compileTypeScript(unit);
      unit.type = "ts";
      return compiled;
    } catch (error) {
      // It is neither: whoever got further understood more of it.
      if (isLater(factsOf(error), factsOf(failed))) {
        unit.type = "ts";
        throw error;
      }
    }
  }
  throw failed;
}

const isLater = (a, b) => a && b && (a.line > b.line || (a.line === b.line && a.column > b.column));

function compileTypeScript(unit) {
  let stripped;
  try {
    stripped = unit.stripped = strip(unit.text);
  } catch (error) {
    throw positioned(error, unit);
  }
  let ast, entry;
  try {
    ({ ast, entry } = parse(stripped, unit.isMain));
  } catch (error) {
    throw positioned(error, unit, stripped);
  }
  return rewrite(stripped, ast, entry);
}

// acorn says `message (line:column)` and has `loc`; sucrase says `Error transforming ...: message (line:column)`.
function positioned(error, unit, stripped) {
  if (!(error instanceof Error)) return error;
  const message = error.message.replace(/\s*\(\d+:\d+\)$/, "").replace(/^Error transforming [^:]*: /, "");
  if (error instanceof RangeError)
    return syntaxFailure("The source is nested too deeply.", { file: unit.name, line: 1, column: 1 });
  if (error.pos === undefined && !error.loc) throw error;
  const { line, column } = error.loc
    ? { line: error.loc.line, column: error.loc.column + (error.raisedAt === undefined ? 0 : 1) }
    : locate(stripped ?? unit.text, error.pos);
  return syntaxFailure(message, { file: unit.name, line, column, stripped: stripped !== undefined });
}

// The cached form of a whole artifact.
export function saveUnits(units) {
  const saved = { version: COMPILED_VERSION, modules: [] };
  units.forEach((unit) => {
    if (unit.compiled)
      saved.modules.push([unit.key, unit.type, unit.text === unit.source ? null : unit.text, unit.compiled]);
  });
  return saved.modules.length === 0 ? undefined : JSON.stringify(saved);
}

// The same for a module on its own that exports a default and nothing else: its code as it is, which begins with a
// quote, not a brace. Linking it would link it to nothing. See solo() in run.js.
export function saveSolo(units, main, job) {
  const { compiled } = main;
  const alone =
    units.size === 1 &&
    job.language === "" &&
    !job.fences &&
    !compiled.async &&
    !compiled.expression &&
    !compiled.asksLinker &&
    !compiled.nameDefault &&
    compiled.requests.length === 0 &&
    compiled.names.length === 1 &&
    compiled.names[0] === "default";
  return alone ? compiled.code : undefined;
}

// The same for code mode that needs no linking.
export const saveQuick = (script) => JSON.stringify({ version: COMPILED_VERSION, quick: script });

export function cachedQuick(text) {
  try {
    const saved = JSON.parse(text);
    return saved.version === COMPILED_VERSION ? saved.quick : undefined;
  } catch {
    return undefined;
  }
}

export function loadUnits(units, text) {
  let saved;
  try {
    saved = JSON.parse(text);
  } catch {
    return false;
  }
  if (saved?.version !== COMPILED_VERSION || !saved.modules) return false;
  for (const [key, type, code, compiled] of saved.modules) {
    const unit = mapGet(units, key);
    if (!unit) return false;
    unit.type = type;
    unit.compiled = compiled;
    if (code !== null) unit.text = code;
  }
  return true;
}
