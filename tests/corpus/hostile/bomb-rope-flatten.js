// Ropes cost nothing until they are flattened: then the whole text has to be there.
// expect: terminated memory
// options: --cpu-ms 5000 --memory-mb 64
() => {
  let rope = "0123456789abcdef";
  while (rope.length < 2 ** 29) rope = rope + rope;
  const kept = [];
  for (let i = 0; ; i++) kept.push((rope + i).charCodeAt(rope.length - 1) && (rope + i).replace("f", "g"));
}
