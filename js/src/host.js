// The C side (see CONTRACT.md). It is set once, before anything of the user's exists, and never handed on.

export let host;

export function setHost(value) {
  host = value;
}
