// Modules whose names have spaces, other scripts, and the look of something else.
// options: --module 'a b.js=@DIR@/modules/one.js' --module 'ünï/日本.js=@DIR@/modules/one.js' --module 'node:fs=@DIR@/modules/one.js' --module '__proto__=@DIR@/modules/one.js' --module 'constructor.js=@DIR@/modules/one.js'
// expect: completed [1,1,1,1,1]
import a from "./a b.js";
import b from "./ünï/日本.js";
import c from "node:fs";
import d from "./__proto__";
import e from "./constructor.js";
export default () => [a, b, c, d, e];
