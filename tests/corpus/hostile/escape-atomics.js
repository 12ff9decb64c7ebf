// No shared memory, nothing to wait on.
// expect: completed {"shared":"undefined","wait":"TypeError","waitAsync":"undefined","add":1}
() => {
  const ints = new Int32Array(2);
  Atomics.add(ints, 0, 1);
  let wait = "waited";
  try {
    Atomics.wait(ints, 0, 1, 1e9);
  } catch (error) {
    wait = error.name;
  }
  return { shared: typeof SharedArrayBuffer, wait, waitAsync: typeof Atomics.waitAsync, add: ints[0] };
}
