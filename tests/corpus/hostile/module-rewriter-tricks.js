// Names and texts that look like what the platform's rewriting leaves in the code.
// expect: completed {"$imports":1,"$module":2,"text":"import x from 'y'; export default 1","re":true,"label":3}
const $imports = 1;
const $module = 2;
const $host = 3;
const text = "import x from 'y'; export default 1";
const re = /export default/.test(text) && `${`import(${1})`}` === "import(1)";
export { $imports as default0 };
export default () => {
  let label = 0;
  import_: for (const exports of [1, 2]) {
    label += exports;
    continue import_;
  }
  return { $imports, $module, text, re, label: label + 0 * $host };
};
