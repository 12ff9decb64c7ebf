// A timer that is due long after the wall time.
// expect: terminated wall_time
// options: --wall-ms 400
() => new Promise((resolve) => setTimeout(resolve, 3600000));
