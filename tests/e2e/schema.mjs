// Validates against schemas of an OpenAPI document, one JSON line in, one out:
//   node schema.mjs DOCUMENT   <- {"ref": JSON pointer into the document, "value": …, "closed": bool}
//                              -> {"ok": bool, "errors": text}
// `closed`: an object may have no member that its schema does not name, unless the schema says otherwise. That is for
// answers, so that the document names all of their members; clients are still to ignore what they do not know.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const require = createRequire(new URL("../../js/package.json", import.meta.url));
const Ajv2020 = require("ajv/dist/2020").default;
const addFormats = require("ajv-formats").default;
const documentText = readFileSync(process.argv[2], "utf8");

function close(schema) {
  if (Array.isArray(schema)) return schema.forEach(close);
  if (typeof schema !== "object" || schema === null) return;
  if (typeof schema.properties === "object" && !("additionalProperties" in schema))
    schema.additionalProperties = false;
  Object.values(schema).forEach(close);
}

function validator(closed) {
  const document = JSON.parse(documentText);
  if (closed) close(document.components.schemas);
  const ajv = new Ajv2020({ strict: false, allErrors: false, validateFormats: true });
  addFormats(ajv);
  ajv.addSchema({ ...document, $id: "api:" });
  const compiled = new Map();
  return (ref, value) => {
    if (!compiled.has(ref)) compiled.set(ref, ajv.compile({ $ref: `api:#${ref}` }));
    const validate = compiled.get(ref);
    const ok = validate(value);
    return { ok, errors: ok ? "" : ajv.errorsText(validate.errors) };
  };
}

const open = validator(false);
const strict = validator(true);
for await (const line of createInterface({ input: process.stdin })) {
  const { ref, value, closed } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify((closed ? strict : open)(ref, value))}\n`);
}
