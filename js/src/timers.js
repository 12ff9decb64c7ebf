// setTimeout and its kin. Due times are in milliseconds since the epoch, as the run's clock counts them. The
// clock stands still while code runs, so timers fire by due time, and at the same due time in order of creation.
import { rangeFailure, typeFailure } from "./errors/failure.js";
import {
  apply,
  bareArray,
  mapDelete,
  mapForEach,
  mapSet,
  mapSize,
  max,
  NativeMap,
  now,
  toInt,
  toNum,
} from "./primordials.js";

let maxPending = 10_000;
const MAX_DELAY = 2 ** 31 - 1;
const MAX_NESTING = 5;

const timers = new NativeMap();
let heap = bareArray();
let count = 0;
let lastId = 0;
let nesting = 0;
let inherited = 0; // the nesting of what the microtasks after a timer's callback set

/** Sets how many timers may be pending at once; `undefined` leaves it as it is. */
export function limitTimers(limit) {
  if (limit !== undefined) maxPending = limit;
}

const before = (a, b) => a.due < b.due || (a.due === b.due && a.order < b.order);
let order = 0;

function push(timer) {
  let i = count++;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!before(timer, heap[parent])) break;
    heap[i] = heap[parent];
    i = parent;
  }
  heap[i] = timer;
}

function pop() {
  const top = heap[0];
  const last = heap[--count];
  heap.length = count;
  if (count === 0) return top;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= count) break;
    if (child + 1 < count && before(heap[child + 1], heap[child])) child++;
    if (!before(heap[child], last)) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = last;
  return top;
}

function dropCancelled() {
  while (count > 0 && heap[0].cancelled) pop();
}

// Cancelled timers stay in the heap until they are due; they must not pile up there either.
function compact() {
  const old = heap;
  const length = count;
  heap = bareArray();
  count = 0;
  for (let i = 0; i < length; i++) if (!old[i].cancelled) push(old[i]);
}

function add(callback, delay, repeat, args) {
  if (typeof callback !== "function")
    throw typeFailure("code.exception", "The callback of a timer must be a function; strings are not evaluated.");
  if (mapSize(timers) >= maxPending)
    throw rangeFailure("code.limit", `More than ${maxPending} timers are pending. Clear some, or wait for them.`);
  if (count > 2 * maxPending) compact();
  let ms = max(0, toInt(toNum(delay)) || 0);
  // The delay is a signed 32-bit integer on every platform: what does not fit fires at once.
  if (ms > MAX_DELAY) ms = 1;
  const level = max(nesting, inherited) + 1;
  // The clock moves only between turns: without a delay, code that polls it with timers of 0 ms would never end.
  if (level > MAX_NESTING) ms = max(ms, nesting > 0 ? 4 : 1);
  const timer = { id: ++lastId, due: now() + ms, order: ++order, callback, args, ms, repeat, level, cancelled: false };
  mapSet(timers, timer.id, timer);
  push(timer);
  return timer.id;
}

function clear(id) {
  const key = typeof id === "number" ? id : toInt(toNum(id));
  const timer = find(key);
  if (!timer) return;
  timer.cancelled = true;
  mapDelete(timers, key);
}

const { get } = Map.prototype;
const find = (key) => apply(get, timers, [key]);

export function setTimeoutHere(callback, delay, args) {
  return add(callback, delay, false, args);
}
export { clear as clearTimer };

// The functions of the global object; `length` counts what is required.
export const timerFunctions = {
  setTimeout(callback, delay = 0, ...args) {
    return add(callback, delay, false, args);
  },
  setInterval(callback, delay = 0, ...args) {
    return add(callback, delay, true, args);
  },
  clearTimeout(id = undefined) {
    clear(id);
  },
  clearInterval(id = undefined) {
    clear(id);
  },
};

// Asked when the microtasks have run: what is set after this is not nested.
export function nextDue() {
  inherited = 0;
  dropCancelled();
  return count === 0 ? -1 : heap[0].due;
}

// Runs the earliest timer that is due, and says whether there was one. One at a time: microtasks come between.
// `settled` and later timers of the same moment are the caller's business.
export function runNextDue(report) {
  dropCancelled();
  if (count === 0 || heap[0].due > now()) return false;
  const timer = pop();
  if (!timer.repeat) mapDelete(timers, timer.id);
  nesting = timer.level;
  try {
    apply(timer.callback, undefined, timer.args);
  } catch (error) {
    report(error);
  }
  nesting = 0;
  inherited = timer.level;
  if (timer.repeat && !timer.cancelled) {
    timer.level++;
    timer.due = now() + (timer.level > MAX_NESTING ? max(4, timer.ms) : max(1, timer.ms));
    timer.order = ++order;
    push(timer);
  }
  return true;
}

// IDs go on, so that one of before means none that comes.
export function dropTimers() {
  mapForEach(timers, (timer, id) => {
    timer.cancelled = true;
    mapDelete(timers, id);
  });
  inherited = 0;
  heap = bareArray();
  count = 0;
}

export function clearAllTimers() {
  dropTimers();
  lastId = 0;
  order = 0;
}
