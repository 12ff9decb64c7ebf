// A builtin of another platform.
// expect: failed code.module_not_found
import { readFileSync } from "node:fs";
export default () => readFileSync("/etc/passwd", "utf8");
