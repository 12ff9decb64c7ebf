// Buffers that are detached, shrunk or moved while the platform works on them.
// expect: completed {"encode":true,"random":"typed","clone":"DataCloneError","decode":true,"transferred":0}
() => {
  const kind = (fn) => {
    try {
      return fn();
    } catch (error) {
      return error instanceof TypeError || error instanceof RangeError ? "typed" : error.name;
    }
  };
  const detached = () => {
    const view = new Uint8Array(16);
    view.buffer.transfer();
    return view;
  };
  const resizable = new ArrayBuffer(16, { maxByteLength: 64 });
  const tracking = new Uint8Array(resizable);
  const hostile = { toString: () => (resizable.resize(0), "hello") };
  const encode = kind(() => new TextEncoder().encodeInto(hostile, tracking).written);
  return {
    encode: encode === 0 || encode === "typed",
    random: ((r) => (r === "typed" || r?.length === 0 ? "typed" : r))(kind(() => crypto.getRandomValues(detached()))),
    clone: kind(() => structuredClone(detached())),
    decode: ["", "typed"].includes(kind(() => new TextDecoder().decode(detached()))),
    transferred: structuredClone(new Uint8Array([1, 2, 3]).buffer, { transfer: [] }).byteLength - 3,
  };
}
