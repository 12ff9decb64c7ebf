// Iteration of every array shows the attacker's values.
// expect: completed {"list":[1,2,3],"nested":[[1],[2]]}
// expect-logs: ["a 1 [ 1, 2 ]"]
() => {
  Array.prototype[Symbol.iterator] = function* () {
    yield "forged";
  };
  Array.prototype.map = Array.prototype.join = Array.prototype.push = Array.prototype.forEach = () => "forged";
  Array.prototype.slice = Array.prototype.concat = Array.prototype.filter = Array.prototype.sort = () => ["forged"];
  console.log("a", 1, [1, 2]);
  return { list: [1, 2, 3], nested: [[1], [2]] };
}
