// A length-tracking view is the result, its buffer shrunk before it is read.
// expect: completed {"base64":""}
() => {
  const buffer = new ArrayBuffer(1024, { maxByteLength: 1 << 20 });
  const view = new Uint8Array(buffer);
  buffer.resize(0);
  return view;
}
