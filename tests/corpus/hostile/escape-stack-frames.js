// Stacks name nothing but the user's own files.
// expect: completed {"own":true,"foreign":false}
async () => {
  let stack = "";
  await new Promise((resolve) =>
    setTimeout(() => {
      stack += new Error("x").stack;
      resolve();
    }, 1),
  );
  try {
    structuredClone(() => {});
  } catch (error) {
    stack += error.stack;
  }
  return { own: stack.includes("escape-stack-frames.js"), foreign: /\/(?:work|home|root|usr|tmp|build)\//.test(stack) };
}
