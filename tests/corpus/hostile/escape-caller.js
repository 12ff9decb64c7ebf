// callee, caller and arguments show nothing of the code that called.
// expect: completed {"caller":"TypeError","callee":"TypeError","arguments":"TypeError","sloppy":"nothing"}
(function entry() {
  const kind = (fn) => {
    try {
      const value = fn();
      return value === null || value === undefined ? "nothing" : typeof value;
    } catch (error) {
      return error.name;
    }
  };
  return {
    caller: kind(() => entry.caller),
    callee: kind(() => arguments.callee),
    arguments: kind(() => entry.arguments),
    sloppy: kind(() => Object.getOwnPropertyDescriptor(entry, "caller")?.value),
  };
})
