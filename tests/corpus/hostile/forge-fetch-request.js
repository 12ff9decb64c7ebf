// With iteration forged, a fetch by honest code still asks for what it was told.
// expect: completed "egress.denied"
async () => {
  const forged = function* () {
    yield ["x-forged", "1"];
  };
  const original = Array.prototype[Symbol.iterator];
  Array.prototype[Symbol.iterator] = forged;
  Object.prototype.get = Object.prototype.set = () => "forged";
  try {
    await fetch("https://example.com/", { method: "POST", body: "x" });
    return "allowed";
  } catch (error) {
    return error.code;
  } finally {
    Array.prototype[Symbol.iterator] = original;
    delete Object.prototype.get;
    delete Object.prototype.set;
  }
}
