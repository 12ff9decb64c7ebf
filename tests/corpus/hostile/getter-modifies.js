// A getter that changes the object it is read from.
// expect: completed {"a":1,"c":3}
() => ({
  get a() {
    delete this.b;
    this.later = "never listed";
    return 1;
  },
  b: 2,
  c: 3,
})
