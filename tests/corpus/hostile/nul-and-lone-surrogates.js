// Text that is not well-formed: JSON escapes keep it as it is, the text of a log line says U+FFFD.
// expect-logs: ["nul \u0000 lone \ufffd bidi \u202e esc \u001b[31m"]
// expect: completed {"nul":"a\u0000b","lone":"\ud800","key\udfff":1}
() => {
  console.log("nul \0 lone \ud800 bidi \u202e esc \x1b[31m");
  return { nul: "a\0b", lone: "\ud800", ["key\udfff"]: 1 };
}
