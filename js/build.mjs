// Bundles the prelude into one expression whose value is `(host) => hooks`: node build.mjs OUTFILE
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

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

// Parts of sucrase for options that we do not give, and its check of the options that we do give.
const unused =
  /sucrase\/dist\/esm\/(?:Options|transformers\/(?:CJSImport|ReactHotLoader|ReactDisplayName|JestHoist)Transformer)\.js$/;

export async function bundle() {
  const result = await build({
    absWorkingDir: here,
    bundle: true,
    entryPoints: [join(here, "src/main.js")],
    format: "iife",
    globalName: "prelude",
    legalComments: "inline",
    logLevel: "warning",
    mainFields: ["module", "main"],
    // Names stay: they show up in `Function.prototype.name`. Whitespace goes: it is parsed at every boot.
    minifySyntax: true,
    minifyWhitespace: true,
    platform: "neutral",
    plugins: [hostEncoding, loopsApart],
    target: "esnext",
    write: false,
  });
  return `(()=>{"use strict";${result.outputFiles[0].text};return prelude.default})()\n`;
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const out = process.argv[2];
  if (!out) {
    console.error("usage: node build.mjs OUTFILE");
    process.exit(2);
  }
  const path = resolve(out);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await bundle());
}
