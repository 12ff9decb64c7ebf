// Formatters cost memory outside of the engine's heap.
// expect: terminated memory | terminated cpu_time
// options: --cpu-ms 6000 --memory-mb 64
() => {
  const kept = [];
  for (let i = 0; ; i++)
    kept.push(
      new Intl.DateTimeFormat("en-US", { timeZone: "Asia/Kathmandu", dateStyle: "full" }),
      new Intl.NumberFormat("de", { style: "currency", currency: "EUR", minimumFractionDigits: i % 10 }),
      new Intl.Collator("sv"),
    );
}
