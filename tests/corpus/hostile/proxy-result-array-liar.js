// A Proxy around an array, whose length is a lie.
// expect: terminated cpu_time | terminated memory | failed result.unserializable | terminated output
// options: --cpu-ms 500 --memory-mb 64
() => new Proxy([], { get: (target, key) => (key === "length" ? 2 ** 53 - 1 : key === "then" || key === "toJSON" ? undefined : 1) })
