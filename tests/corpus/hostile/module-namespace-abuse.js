// A module namespace cannot be written, extended or confused.
// options: --module namespace.js=@DIR@/modules/namespace.js
// expect: completed {"write":"TypeError","add":"TypeError","define":false,"proto":null,"live":[0,1],"keys":["add","count","then0"]}
import * as ns from "./namespace.js";
export default () => {
  const kind = (fn) => {
    try {
      fn();
      return "done";
    } catch (error) {
      return error.name;
    }
  };
  const before = ns.count;
  ns.add();
  return {
    write: kind(() => (ns.count = 9)),
    add: kind(() => (ns.other = 9)),
    define: Reflect.defineProperty(ns, "count", { value: 9 }),
    proto: Object.getPrototypeOf(ns),
    live: [before, ns.count],
    keys: Object.keys(ns),
  };
};
