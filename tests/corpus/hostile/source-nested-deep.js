// A hundred thousand brackets in the source.
// expect: failed code.syntax
// options: --cpu-ms 3000 --module deep.js=@DIR@/modules/deep.js
import "./deep.js";
export default () => 1;
