// A flood of log lines.
// expect: terminated log_lines
// options: --log-lines 100
() => {
  for (let i = 0; ; i++) console.log(i);
}
