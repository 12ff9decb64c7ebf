// The same without waiting for an answer. The platform keeps at most a thousand waiting.
// expect: terminated operations
// options: --operations 50
async () => {
  const all = [];
  for (let i = 0; i < 5000; i++) all.push(fetch(`https://example.com/${i}`).catch((error) => error.code));
  return (await Promise.all(all)).length;
}
