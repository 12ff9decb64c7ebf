// The class of bug behind many engine exploits: an array changes its kind under a compiled loop.
// expect: completed {"confused":0,"float":true}
// options: --cpu-ms 6000 --memory-mb 128
() => {
  let confused = 0;
  const victim = (array, i, evil) => {
    array[0] = 1.1;
    const side = evil(i);
    array[1] = 2.2;
    return side;
  };
  for (let n = 0; n < 30000; n++) {
    const array = [1.5, 2.5, 3.5];
    victim(array, n, (i) => {
      if (i % 7919 === 7918) array[2] = { marker: i };
      return i;
    });
    if (typeof array[2] === "object" ? array[2].marker !== n : array[2] !== 3.5) confused++;
    if (array[0] !== 1.1 || array[1] !== 2.2) confused++;
  }
  const holes = [1.1, , 3.3];
  Array.prototype[1] = 42;
  let float = true;
  for (let n = 0; n < 30000; n++) float = float && holes[1] === 42;
  delete Array.prototype[1];
  return { confused, float };
}
