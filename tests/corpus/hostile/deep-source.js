// A thrown error whose causes go down for ever.
// expect: failed code.exception
() => {
  let error = new Error("bottom");
  for (let i = 0; i < 50000; i++) error = new Error(`level ${i}`, { cause: error });
  throw error;
}
