// The library behind Intl, fed with what it hates.
// expect: terminated cpu_time | terminated memory | completed
// options: --cpu-ms 1000 --memory-mb 64
() => {
  const text = "\u0e01".repeat(20000) + "🏳️‍🌈".repeat(2000);
  let n = 0;
  for (const _ of new Intl.Segmenter("th", { granularity: "word" }).segment(text)) n++;
  return text.normalize("NFKD").localeCompare(text.normalize("NFC"), "th") + n;
}
