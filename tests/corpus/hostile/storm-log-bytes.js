// Few lines, many bytes.
// expect: terminated output
// options: --output-kb 100
() => {
  for (;;) console.log("x".repeat(30000));
}
