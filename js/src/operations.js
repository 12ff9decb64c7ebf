// Operations that the broker has been asked for and has not answered yet.
import { host } from "./host.js";
import { rangeFailure } from "./errors/failure.js";
import { jsonParse, mapClear, mapDelete, mapGet, mapSet, mapSize, NativeMap, NativePromise } from "./primordials.js";

const MAX_PENDING = 1000;
const waiting = new NativeMap();

export const pendingOperations = () => mapSize(waiting);

// Resolves with the parsed payload; rejects with {status, payload}, which the caller turns into an error of its
// own kind. Calling `cancel` forgets the operation: its answer, if there is one, goes nowhere.
export function operation(kind, payload) {
  if (mapSize(waiting) >= MAX_PENDING)
    throw rangeFailure("code.limit", `More than ${MAX_PENDING} operations are pending.`);
  const id = host.operation(kind, payload);
  const promise = new NativePromise((resolve, reject) => mapSet(waiting, id, { resolve, reject }));
  return { promise, cancel: () => mapDelete(waiting, id) };
}

// Their answers, if they come, go nowhere.
export const dropOperations = () => mapClear(waiting);

export function answer(id, status, payload) {
  const entry = mapGet(waiting, id);
  if (entry === undefined) return;
  mapDelete(waiting, id);
  let value = null;
  try {
    value = jsonParse(payload);
  } catch {
    status = 2;
  }
  if (status === 0) entry.resolve(value);
  else entry.reject({ status, payload: value ?? {} });
}
