// Bundles the prelude into one expression whose value is `(host) => hooks`: node build.mjs OUTFILE
// Bundles the judge of outputs into one function: node build.mjs --check OUTFILE
import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";

const standaloneCode = standalone.default;
const here = dirname(fileURLToPath(import.meta.url));

// whatwg-url wants TextEncoder and TextDecoder while it loads, when there are none yet.
const hostEncoding = {
  name: "host-encoding",
  setup(builder) {
    builder.onResolve({ filter: /^\.\/encoding(\.js)?$/ }, (args) =>
      args.importer.includes("whatwg-url") ? { path: join(here, "src/globals/utf8.js") } : undefined,
    );
  },
};

// The bundle is one big function, and a loop of some thousand turns at its top level makes the engine compile all
// of it: a third of a second. In a function of its own the loop costs nothing.
const loopsApart = {
  name: "loops-apart",
  setup(builder) {
    builder.onLoad({ filter: /sucrase|sourcemap-codec/ }, async (args) => {
      if (unused.test(args.path))
        return { contents: "export default class {} export const validateOptions = () => {};" };
      const source = await readFile(args.path, "utf8");
      return { contents: source.replace(/^for \((?:let|const) [^]*?^}$/gm, "(() => {$&})();") };
    });
  },
};

// See src/globals/steady.js.
const steadyURL = {
  name: "steady-url",
  setup(builder) {
    builder.onLoad(
      { filter: /(?:whatwg-url\/lib\/(?:url-state-machine|percent-encoding)|tr46\/index)\.js$/ },
      async (args) => {
        const source = await readFile(args.path, "utf8");
        const steady = JSON.stringify(join(here, "src/globals/steady.js"));
        const contents = source
          .replace(
            /for \(const \[i, (\w+)\] of (\w+)\.entries\(\)\) \{/g,
            "for (let i=0;i<$2.length;i++){const $1=$2[i];",
          )
          .replace(/^( *for \(const \w+ of )(.+)\) \{$/gm, "$1each($2)) {")
          .replace(/const \[(\w+)\] = /g, "const {0:$1} = ")
          .replace(/const \[(\w+), (\w+)\] = /g, "const {0:$1,1:$2} = ")
          .replace(/Array\.from\((\w+)\)/g, "characters($1)")
          .replace(/Array\.from\(([\w.]+), c => c\.codePointAt\(0\)\)/g, "codePoints($1)")
          .replace(/new Set\(/g, "new FixedSet(");
        return { contents: `const { characters, codePoints, each, FixedSet } = require(${steady});${contents}` };
      },
    );
  },
};

// Parts of sucrase for options that we do not give, and its check of the options that we do give.
const unused =
  /sucrase\/dist\/esm\/(?:Options|transformers\/(?:CJSImport|ReactHotLoader|ReactDisplayName|JestHoist)Transformer)\.js$/;

async function bundled(entry, options) {
  const result = await build({
    absWorkingDir: here,
    bundle: true,
    entryPoints: [join(here, entry)],
    format: "iife",
    logLevel: "warning",
    mainFields: ["module", "main"],
    platform: "neutral",
    target: "esnext",
    write: false,
    ...options,
  });
  return result.outputFiles[0].text;
}

export async function bundle() {
  const text = await bundled("src/main.js", {
    globalName: "prelude",
    legalComments: "inline",
    // Names stay: they show up in `Function.prototype.name`. Whitespace goes: it is parsed at every boot.
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [hostEncoding, loopsApart, steadyURL],
  });
  return `(()=>{"use strict";${text};return prelude.default})()\n`;
}

// The schema of schemas, compiled at build time: at run time that takes longer than all the rest.
const metaschema = {
  name: "metaschema",
  setup(builder) {
    builder.onResolve({ filter: /^metaschema$/ }, () => ({ path: "metaschema", namespace: "made" }));
    builder.onLoad({ filter: /.*/, namespace: "made" }, () => {
      const ajv = new Ajv2020({ strict: false, code: { source: true, esm: true } });
      const check = ajv.getSchema("https://json-schema.org/draft/2020-12/schema");
      return { contents: standaloneCode(ajv, check), resolveDir: here };
    });
  },
};

async function bundleCheck() {
  const bundle = await bundled("src/check/main.js", {
    globalName: "check",
    legalComments: "none",
    minify: true,
    plugins: [metaschema],
  });
  // A function on its own, which is not searched for modules and so starts at once: neither word may be in it.
  const text = bundle
    .replace(/\bexports\b/g, "given")
    .replace(/(?:im|ex)(?=port)/g, (half) => (half === "im" ? "\\x69m" : "\\x65x")); // what is left is in strings
  const script = `({ input }) => { ${text}; return check.default(input); }`;
  new Script(`(${script})`); // does it still parse?
  return `${script}\n`;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const check = process.argv[2] === "--check";
  const out = process.argv[check ? 3 : 2];
  if (!out) {
    console.error("usage: node build.mjs [--check] OUTFILE");
    process.exit(2);
  }
  const path = resolve(out);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await (check ? bundleCheck() : bundle()));
}
