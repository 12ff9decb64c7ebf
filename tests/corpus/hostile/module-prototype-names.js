// Names that every object has are no modules.
// expect: completed {"refused":12,"loaded":[]}
export default async () => {
  const names = ["constructor", "__proto__", "toString", "./hasOwnProperty", "", ".", "..", "/", "valueOf", "./__proto__", "then", "__defineGetter__"];
  const loaded = [];
  let refused = 0;
  for (const name of names) {
    try {
      await import(name);
      loaded.push(name);
    } catch {
      refused++;
    }
  }
  return { refused, loaded };
};
