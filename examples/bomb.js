// Takes all the memory it can get, and gets what its ceiling allows.
() => {
  const hoard = [];
  for (;;) hoard.push(new Array(10_000).fill(hoard.length));
}
