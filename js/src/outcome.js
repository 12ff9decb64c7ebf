// How the run ends. The first to say so counts, except that an unhandled rejection outdoes a value that was
// waiting for the end of the same turn.

// {value}, {value, json} (`json` is its text already) or {error, code}
export let outcome = null;

export function end(next) {
  if (outcome === null) outcome = next;
}

export const failRun = (error, code) => end({ __proto__: null, error, code });

export function outdo(error, code) {
  if (outcome === null || "value" in outcome) outcome = { __proto__: null, error, code };
}

export function resetOutcome() {
  outcome = null;
}
