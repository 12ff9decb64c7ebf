// Array methods on objects whose `length` is 2**53-1.
// expect: terminated cpu_time
// options: --cpu-ms 200
() => {
  const like = { length: 2 ** 53 - 1 };
  return Array.prototype.indexOf.call(like, 1) + Array.prototype.lastIndexOf.call(like, 1);
}
