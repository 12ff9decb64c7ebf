// Judges bundles with Sigstore's own verifier: node verify.mjs TRUSTED_ROOT BUNDLE...
// For each bundle a line: "ok", or the code and message of the error. The status is 1 if one was refused.
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";

import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";

const [rootPath, ...bundles] = process.argv.slice(2);
if (!bundles.length) {
  console.error("usage: verify.mjs TRUSTED_ROOT BUNDLE...");
  process.exit(2);
}

const { trustedRoot, keys } = JSON.parse(readFileSync(rootPath, "utf8"));

function publicKey(hint) {
  if (!Object.hasOwn(keys, hint)) throw Object.assign(new Error(`no key ${hint}`), { code: "PUBLIC_KEY_ERROR" });
  const key = createPublicKey({ key: Buffer.from(keys[hint], "base64"), format: "der", type: "spki" });
  return { publicKey: key, validFor: () => true };
}

const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(trustedRoot), publicKey), {
  tlogThreshold: 1,
  ctlogThreshold: 0,
  tsaThreshold: 0,
});

for (const path of bundles) {
  try {
    verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(readFileSync(path, "utf8")))));
    console.log("ok");
  } catch (error) {
    console.log(`${error.code ?? error.constructor.name} ${String(error.message).replaceAll("\n", " ")}`);
    process.exitCode = 1;
  }
}
