// import.meta says little, belongs to the module, and its prototype is null.
// expect: completed {"keys":["main","url"],"scheme":"cordon:","proto":null,"fresh":true}
export default () => {
  import.meta.forged = 1;
  const { url, main, forged, ...rest } = import.meta;
  return { keys: ["main", "url"].filter((key) => key in import.meta), scheme: new URL(url).protocol, proto: Object.getPrototypeOf(import.meta), fresh: main && forged === 1 && Object.keys(rest).length === 0 };
};
