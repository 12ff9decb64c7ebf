// The same at top level.
// expect: failed code.stalled
await new Promise(() => {});
export default () => 1;
