// From a specifier and the module that wrote it to the name of a module of this artifact.
import {
  mapHas,
  stringEndsWith,
  stringIncludes,
  stringIndexOf,
  stringLastIndexOf,
  stringSlice,
  stringStartsWith,
} from "../primordials.js";

const extensions = [".ts", ".js", ".mjs", ".mts", ".json", "/index.ts", "/index.js"];

// The form in which names are compared: no leading "/" or "./", no "." or ".." inside.
export function normalize(path) {
  let done = "";
  let rest = path;
  while (rest !== "") {
    const slash = stringIndexOf(rest, "/");
    const part = slash < 0 ? rest : stringSlice(rest, 0, slash);
    rest = slash < 0 ? "" : stringSlice(rest, slash + 1);
    if (part === "" || part === ".") continue;
    if (part === "..") {
      const up = stringLastIndexOf(done, "/");
      done = up < 0 ? "" : stringSlice(done, 0, up);
    } else done = done === "" ? part : `${done}/${part}`;
  }
  return done;
}

// Returns a key of `modules` (a Map by normalized name), or undefined.
export function resolve(specifier, importer, modules) {
  const relative = stringStartsWith(specifier, "./") || stringStartsWith(specifier, "../");
  let path = specifier;
  if (relative) {
    const slash = stringLastIndexOf(importer, "/");
    path = slash < 0 ? specifier : `${stringSlice(importer, 0, slash)}/${specifier}`;
  } else if (specifier === "" || specifier === "." || specifier === "..") return undefined;
  path = normalize(path);
  if (mapHas(modules, path)) return path;
  for (let i = 0; i < extensions.length; i++) if (mapHas(modules, path + extensions[i])) return path + extensions[i];
  // TypeScript's own convention: "./x.js" names what x.ts becomes.
  for (let i = 0; i < swaps.length; i++) {
    const { from, to } = swaps[i];
    if (!stringEndsWith(path, from)) continue;
    const other = stringSlice(path, 0, path.length - from.length) + to;
    if (mapHas(modules, other)) return other;
  }
  return undefined;
}

const swaps = [
  { from: ".js", to: ".ts" },
  { from: ".mjs", to: ".mts" },
];

const known = {
  __proto__: null,
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".json": "json",
  ".txt": "text",
  ".md": "text",
  ".html": "text",
  ".css": "text",
  ".csv": "text",
  ".bin": "data",
  ".wasm": "wasm",
};

export function typeOf({ name, type }, language, isMain) {
  if (type !== "auto" && type !== undefined) return type;
  const dot = stringLastIndexOf(name, ".");
  const extension = dot < 0 || stringIncludes(stringSlice(name, dot), "/") ? "" : stringSlice(name, dot);
  return known[extension] ?? (isMain && language === "ts" ? "ts" : "js");
}

// The name closest to `wanted`, if one is close enough to be what was meant.
export function closest(wanted, names) {
  let best;
  let bestDistance = Math.max(2, wanted.length / 3) + 1;
  for (const name of names.slice(0, 200)) {
    const distance = editDistance(wanted.slice(0, 100), name.slice(0, 100));
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length];
}

export function notFound(specifier, importer, modules) {
  const names = [];
  modules.forEach((unit) => names.push(unit.name));
  const others = names.filter((name) => name !== importer);
  const guess = closest(normalize(specifier), others.map(normalize));
  let message = `Cannot find module '${specifier}' imported from '${importer}'.`;
  if (guess) message += ` Did you mean '${suggest(guess, importer, specifier)}'?`;
  else if (/^(?:node:|bun:|npm:|jsr:|https?:)/.test(specifier) || builtins.test(specifier))
    message += " A run has only the modules that were submitted with it: no built-in, npm or remote ones.";
  message +=
    others.length === 0
      ? " The artifact has no other module."
      : ` The artifact has: ${others.slice(0, 20).join(", ")}${others.length > 20 ? ", …" : ""}.`;
  return message;
}

const builtins =
  /^(?:fs|path|http|https|crypto|os|util|events|stream|buffer|child_process|url|zlib|net|assert)(?:\/|$)/;

function suggest(name, importer, specifier) {
  if (!stringStartsWith(specifier, ".")) return name;
  const from = normalize(importer).split("/").slice(0, -1);
  const to = name.split("/");
  while (from.length > 0 && to.length > 1 && from[0] === to[0]) {
    from.shift();
    to.shift();
  }
  return from.length === 0 ? `./${to.join("/")}` : `${"../".repeat(from.length)}${to.join("/")}`;
}
