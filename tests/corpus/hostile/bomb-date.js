// Dates out of range, in every formatter.
// expect: completed {"invalid":"RangeError","iso":"+275760-09-13T00:00:00.000Z","intl":"RangeError"}
() => {
  const kind = (fn) => {
    try {
      return fn();
    } catch (error) {
      return error.name;
    }
  };
  return {
    invalid: kind(() => new Date(8.64e15 + 1).toISOString()),
    iso: kind(() => new Date(8.64e15).toISOString()),
    intl: kind(() => new Intl.DateTimeFormat("en").format(new Date(NaN))),
  };
}
