// Function.prototype.call, apply, bind and toString are the attacker's.
// expect: completed {"n":6}
// expect-logs: ["honest { a: 1 }"]
() => {
  const forged = () => "forged";
  const { prototype } = Function;
  prototype.call = prototype.apply = prototype.bind = prototype.toString = forged;
  prototype[Symbol.hasInstance];
  Reflect.apply = Reflect.construct = Reflect.get = Reflect.ownKeys = Reflect.defineProperty = forged;
  console.log("honest", { a: 1 });
  return { n: [1, 2, 3].reduce((a, b) => a + b) };
}
