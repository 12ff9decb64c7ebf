// The same at top level.
// expect: terminated wall_time
// options: --wall-ms 400
await new Promise(() => {});
export default () => 1;
