// Evaluation of linked modules in the order of ECMA-262, section 16.2.1.6.1.3: depth first, cycles as one unit,
// modules that await at top level without holding up their siblings.
import { asyncGeneratorNext, bareArray, generatorNext, NativePromise, promiseThen } from "../primordials.js";

let asyncOrder = 0;

// Returns undefined when the module is evaluated, or a promise while something in its graph awaits. Throws what
// the module threw, the same every time.
export function evaluateModule(record) {
  const root =
    record.status === "evaluating-async" || record.status === "evaluated" ? (record.cycleRoot ?? record) : record;
  if (root.error) throw root.error.value;
  if (root.capability) return root.capability.promise;
  if (root.status === "evaluated" && !root.asyncOrder) return undefined;

  const stack = bareArray();
  const capability = root.status === "evaluated" ? undefined : newCapability();
  root.capability = capability;
  try {
    inner(root, stack, 0);
  } catch (error) {
    for (let i = 0; i < stack.length; i++) {
      stack[i].status = "evaluated";
      stack[i].cycleRoot = stack[i];
      stack[i].error ??= { value: error };
    }
    root.error ??= { value: error };
    root.capability = undefined;
    throw error;
  }
  if (root.asyncOrder && root.status === "evaluating-async") return capability.promise;
  root.capability = undefined;
  return undefined;
}

function newCapability() {
  const capability = {};
  capability.promise = new NativePromise((resolve, reject) => {
    capability.resolve = resolve;
    capability.reject = reject;
  });
  return capability;
}

function inner(record, stack, index) {
  if (record.status === "evaluated" || record.status === "evaluating-async") {
    if (record.error) throw record.error.value;
    return index;
  }
  if (record.status === "evaluating") return index;
  record.status = "evaluating";
  record.dfsIndex = index;
  record.dfsAncestor = index;
  record.pendingAsync = 0;
  record.asyncParents = bareArray();
  index++;
  stack[stack.length] = record;
  for (let i = 0; i < record.requested.length; i++) {
    let required = record.requested[i];
    index = inner(required, stack, index);
    if (required.status === "evaluating") {
      if (required.dfsAncestor < record.dfsAncestor) record.dfsAncestor = required.dfsAncestor;
    } else {
      required = required.cycleRoot;
      if (required.error) throw required.error.value;
    }
    if (required.asyncOrder && required.status !== "evaluated") {
      record.pendingAsync++;
      required.asyncParents[required.asyncParents.length] = record;
    }
  }
  if (record.pendingAsync > 0 || record.async) {
    record.asyncOrder = ++asyncOrder;
    if (record.pendingAsync === 0) executeAsync(record);
  } else execute(record);
  if (record.dfsAncestor === record.dfsIndex) {
    for (;;) {
      const member = stack[stack.length - 1];
      stack.length--;
      member.status = member.asyncOrder ? "evaluating-async" : "evaluated";
      member.cycleRoot = record;
      if (member === record) break;
    }
  }
  return index;
}

function execute(record) {
  if (record.generator) generatorNext(record.generator);
  else record.evaluateSynthetic?.();
}

function executeAsync(record) {
  promiseThen(
    asyncGeneratorNext(record.generator),
    () => fulfilled(record),
    (error) => rejected(record, error),
  );
}

function gather(record, list) {
  for (let i = 0; i < record.asyncParents.length; i++) {
    const parent = record.asyncParents[i];
    let known = false;
    for (let j = 0; j < list.length; j++) if (list[j] === parent) known = true;
    if (known || parent.cycleRoot?.error) continue;
    if (--parent.pendingAsync > 0) continue;
    list[list.length] = parent;
    if (!parent.async) gather(parent, list);
  }
}

function fulfilled(record) {
  if (record.status === "evaluated") return;
  record.status = "evaluated";
  record.capability?.resolve();
  const list = bareArray();
  gather(record, list);
  // In the order in which they became asynchronous: insertion sort, the list is short.
  for (let i = 1; i < list.length; i++)
    for (let j = i; j > 0 && list[j - 1].asyncOrder > list[j].asyncOrder; j--) {
      const swap = list[j];
      list[j] = list[j - 1];
      list[j - 1] = swap;
    }
  for (let i = 0; i < list.length; i++) {
    const parent = list[i];
    if (parent.status === "evaluated") continue;
    if (parent.async) executeAsync(parent);
    else {
      try {
        execute(parent);
      } catch (error) {
        rejected(parent, error);
        continue;
      }
      parent.status = "evaluated";
      parent.capability?.resolve();
    }
  }
}

function rejected(record, error) {
  if (record.status === "evaluated") return;
  record.error = { value: error };
  record.status = "evaluated";
  for (let i = 0; i < record.asyncParents.length; i++) rejected(record.asyncParents[i], error);
  record.capability?.reject(error);
}
