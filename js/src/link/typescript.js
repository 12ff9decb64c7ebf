// TypeScript: its syntax is taken away, types are not checked. Lines stay where they are; columns move, and are
// traced back only when an error asks for it.
import { decode } from "@jridgewell/sourcemap-codec";
import { transform } from "sucrase";

const options = { disableESTransforms: true, transforms: ["typescript"] };

export function strip(source) {
  return transform(source, options).code;
}

// The column (1-based) in the source of a column in the stripped text.
export function originalColumn(source, line, column) {
  const { sourceMap } = transform(source, {
    ...options,
    filePath: "m.ts",
    sourceMapOptions: { compiledFilename: "m.js" },
  });
  const segments = decode(sourceMap.mappings)[line - 1] ?? [];
  let found;
  for (const segment of segments) {
    if (segment[0] > column - 1) break;
    if (segment[2] === line - 1) found = segment;
  }
  return found ? found[3] + 1 + (column - 1 - found[0]) : column;
}
