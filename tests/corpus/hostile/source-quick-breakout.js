// The same for a lone function, with the parentheses that surround it.
// expect: failed code.syntax
() => 1) || (globalThis.escaped = true, () => {}
