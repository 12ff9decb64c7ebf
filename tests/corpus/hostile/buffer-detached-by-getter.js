// structuredClone of an object whose getter detaches what comes next.
// expect: completed "DataCloneError"
() => {
  const buffer = new ArrayBuffer(1 << 16);
  const value = {
    get first() {
      buffer.transfer(0);
      return 1;
    },
    buffer,
    view: new Uint8Array(buffer),
  };
  try {
    structuredClone(value);
    return "cloned";
  } catch (error) {
    return error.name;
  }
}
