import js from "@eslint/js";

const engine = Object.fromEntries(
  [
    ..."WebAssembly console URL Headers Request Response TextEncoder TextDecoder AbortController AbortSignal".split(
      " ",
    ),
    ..."Event EventTarget CustomEvent atob btoa setTimeout process".split(" "),
  ].map((name) => [name, "readonly"]),
);

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2025, sourceType: "module", globals: engine },
    rules: {
      eqeqeq: "error",
      "no-sparse-arrays": "off",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
];
