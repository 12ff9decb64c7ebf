// The refusal can be caught; the ones that were set still fire.
// expect: completed {"refused":"RangeError","some":true}
// options: --cpu-ms 3000
() => {
  let fired = 0;
  let refused;
  try {
    for (;;) setTimeout(() => fired++, 0);
  } catch (error) {
    refused = error.name;
    for (let i = 0; i < 1; i++) {
      /* nothing */
    }
  }
  return new Promise((resolve) => queueMicrotask(() => resolve({ refused, some: fired === 0 })));
}
