// A Proxy that lists a hundred million keys.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 1500 --memory-mb 64
() =>
  new Proxy(
    {},
    {
      ownKeys() {
        const keys = [];
        for (let i = 0; i < 1e8; i++) keys.push(`k${i}`);
        return keys;
      },
      getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
      get: (_, key) => (key === "then" || key === "toJSON" ? undefined : 1),
    },
  )
