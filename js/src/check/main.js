// Judges a value by a JSON Schema (2020-12). It runs in a sandbox of its own, since schemas are the tenant's and are
// compiled to code: trusted processes never look at them.
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import isSchema from "metaschema";

const short = (text, max) => (text.length > max ? `${text.slice(0, max)}…` : text);

function compile(schema) {
  if (!isSchema(schema)) {
    const [first] = isSchema.errors;
    throw new Error(`${first.instancePath || "the schema"} ${first.message}`);
  }
  // Unknown keywords are annotations (JSON Schema Core, section 6.5); references are never fetched.
  const ajv = new Ajv2020({ strict: false, logger: false, addUsedSchema: false, validateSchema: false });
  addFormats(ajv);
  const check = ajv.compile(schema);
  if (check.$async) throw new Error("$async is no keyword of JSON Schema");
  return check;
}

export default function main({ schema, value }) {
  let check;
  try {
    check = compile(schema);
  } catch (error) {
    return { verdict: "schema", message: short(String(error?.message ?? error), 500) };
  }
  if (check(value)) return { verdict: "valid" };
  const [first] = check.errors;
  return {
    verdict: "invalid",
    path: short(first.instancePath, 500),
    rule: short(first.schemaPath, 500),
    message: short(first.message ?? first.keyword, 500),
  };
}
