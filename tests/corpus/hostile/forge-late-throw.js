// A timer that throws after the result was returned has no run left to change.
// expect: completed "result"
() => {
  setTimeout(() => {
    throw new Error("late");
  }, 50);
  return "result";
}
