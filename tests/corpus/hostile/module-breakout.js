// Text that would close the function around a module, if it were put together from strings.
// expect: failed code.syntax
}}; globalThis.escaped = true; ({{
export default () => globalThis.escaped;
