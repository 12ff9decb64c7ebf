// A module that exports `then` is a thenable when it is imported dynamically, as the language says.
// options: --module thenable.js=@DIR@/modules/thenable.js
// expect: completed "from then"
export default async () => await import("./thenable.js");
