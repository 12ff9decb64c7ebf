// arguments objects, rest parameters and spread of enormous lists.
// expect: completed {"apply":"RangeError","sum":4950}
() => {
  const sum = function () {
    let s = 0;
    for (let i = 0; i < arguments.length; i++) s += arguments[i];
    return s;
  };
  let apply = "done";
  try {
    sum.apply(null, { length: 2 ** 30 });
  } catch (error) {
    apply = error.name;
  }
  let last = 0;
  for (let n = 0; n < 2000; n++) last = sum(...Array.from({ length: 100 }, (_, i) => i));
  return { apply, sum: last };
}
