// Never ends. Its CPU time does.
() => {
  let n = 0;
  while (true) n++;
}
