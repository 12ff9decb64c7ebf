// The prelude. See ../CONTRACT.md for what the host may ask of it and what it may ask of the host.
import { setHost } from "./host.js";
import { installGlobals } from "./globals/install.js";
import { again, next, quick, rejected, solo, start, timers } from "./run.js";
import { answer, pendingOperations } from "./operations.js";
import { rehearse, touch, warm } from "./warm.js";

export default function prelude(host) {
  setHost(host);
  installGlobals();
  return {
    warm,
    rehearse,
    touch,
    quick,
    solo,
    start,
    again,
    answer,
    next,
    timers,
    pending: pendingOperations,
    rejected,
  };
}
