// Looks like a lone function to a careless eye, runs code while it is looked at, and is none.
// expect: failed code.no_entry
// expect-logs: ["ran"]
(function () {
  console.log("ran");
})(),
{}
