// Event, CustomEvent and EventTarget (DOM Standard, sections 2.2 to 2.9), for targets without a tree.
import { DOMException } from "./dom-exception.js";
import { failRun } from "../outcome.js";
import { defineInterface, requireArguments } from "./idl.js";
import { apply, defineProperty, NativeTypeError, now, reflectGet } from "../primordials.js";

const constants = { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 };
// One function for all events, not configurable: a page cannot make its own events look trusted.
let isTrusted;
let dispatchTrusted;

class Event {
  #type;
  #bubbles;
  #cancelable;
  #composed;
  #target = null;
  #currentTarget = null;
  #phase = 0;
  #prevented = false;
  #stop = false;
  #stopNow = false;
  #dispatching = false;
  #passive = false;
  #trusted = false;
  #initialized = true;
  #time = now();

  constructor(type, init = {}) {
    requireArguments(1, arguments.length, "Event");
    this.#type = `${type}`;
    const options = dictionary(init);
    this.#bubbles = Boolean(options.bubbles);
    this.#cancelable = Boolean(options.cancelable);
    this.#composed = Boolean(options.composed);
    defineProperty(this, "isTrusted", { get: isTrusted, enumerable: true, configurable: false });
  }

  static {
    isTrusted = Object.getOwnPropertyDescriptor(
      {
        get isTrusted() {
          return this.#trusted;
        },
      },
      "isTrusted",
    ).get;
    const invoke = (event, target, listeners) => {
      event.#target = target;
      event.#currentTarget = target;
      event.#phase = 2;
      event.#dispatching = true;
      listeners.run((listener) => {
        if (event.#stopNow) return;
        event.#passive = listener.passive;
        callListener(listener.callback, target, event);
        event.#passive = false;
      });
      event.#currentTarget = null;
      event.#phase = 0;
      event.#dispatching = false;
      event.#stop = false;
      event.#stopNow = false;
      return !event.#prevented;
    };
    dispatchTrusted = (event, target, listeners, trusted) => {
      if (event.#dispatching || !event.#initialized)
        throw new DOMException("The event is already being dispatched.", "InvalidStateError");
      event.#trusted = trusted;
      return invoke(event, target, listeners);
    };
  }

  get type() {
    return this.#type;
  }
  get target() {
    return this.#target;
  }
  get srcElement() {
    return this.#target;
  }
  get currentTarget() {
    return this.#currentTarget;
  }
  composedPath() {
    return this.#currentTarget === null ? [] : [this.#currentTarget];
  }
  get eventPhase() {
    return this.#phase;
  }
  stopPropagation() {
    this.#stop = true;
  }
  get cancelBubble() {
    return this.#stop;
  }
  set cancelBubble(value) {
    if (value) this.#stop = true;
  }
  stopImmediatePropagation() {
    this.#stop = true;
    this.#stopNow = true;
  }
  get bubbles() {
    return this.#bubbles;
  }
  get cancelable() {
    return this.#cancelable;
  }
  get returnValue() {
    return !this.#prevented;
  }
  set returnValue(value) {
    if (!value) this.preventDefault();
  }
  preventDefault() {
    if (this.#cancelable && !this.#passive) this.#prevented = true;
  }
  get defaultPrevented() {
    return this.#prevented;
  }
  get composed() {
    return this.#composed;
  }
  get timeStamp() {
    return this.#time - timeOrigin();
  }
  initEvent(type, bubbles = false, cancelable = false) {
    requireArguments(1, arguments.length, "Event.initEvent");
    if (this.#dispatching) return;
    this.#initialized = true;
    this.#type = `${type}`;
    this.#bubbles = Boolean(bubbles);
    this.#cancelable = Boolean(cancelable);
    this.#prevented = false;
    this.#trusted = false;
    this.#target = null;
  }
}

let origin = 0;
export const timeOrigin = () => origin;
export const setTimeOrigin = (value) => (origin = value);

function dictionary(value) {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" && typeof value !== "function")
    throw new NativeTypeError("The options must be an object.");
  return value;
}

class CustomEvent extends Event {
  #detail;

  constructor(type, init = {}) {
    super(...(arguments.length === 0 ? [] : [type, init]));
    this.#detail = dictionary(init).detail ?? null;
  }
  get detail() {
    return this.#detail;
  }
  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    this.initEvent(type, bubbles, cancelable);
    this.#detail = detail;
  }
}

function callListener(callback, target, event) {
  try {
    if (typeof callback === "function") apply(callback, target, [event]);
    else {
      const handle = reflectGet(callback, "handleEvent");
      if (typeof handle !== "function") throw new NativeTypeError("The listener has no handleEvent method.");
      apply(handle, callback, [event]);
    }
  } catch (error) {
    // The platform reports it to the global scope; here that ends the run, like an error in a timer.
    failRun(error);
  }
}

const MAX_LISTENERS = 10_000;

class Listeners {
  list = [];

  add(listener) {
    if (this.list.some((known) => same(known, listener))) return;
    if (this.list.length >= MAX_LISTENERS) throw new RangeError(`More than ${MAX_LISTENERS} listeners on one target.`);
    this.list.push(listener);
    return true;
  }
  remove(wanted) {
    const index = this.list.findIndex((known) => same(known, wanted));
    if (index < 0) return;
    this.list[index].removed = true;
    this.list = this.list.toSpliced(index, 1);
  }
  of(type) {
    return {
      run: (call) => {
        const snapshot = this.list.slice();
        for (const listener of snapshot) {
          if (listener.removed || listener.type !== type) continue;
          if (listener.once) this.remove(listener);
          call(listener);
        }
      },
    };
  }
}

const same = (a, b) => a.type === b.type && a.callback === b.callback && a.capture === b.capture;
let isTarget;
let listenersOf;

class EventTarget {
  #listeners = new Listeners();

  static {
    isTarget = (value) => #listeners in value;
    listenersOf = (target) => target.#listeners;
  }

  addEventListener(type, callback, options = {}) {
    requireArguments(2, arguments.length, "EventTarget.addEventListener");
    const listeners = receiver(this).#listeners;
    const isObject = typeof options === "object" && options !== null;
    const capture = isObject ? Boolean(options.capture) : Boolean(options);
    const once = isObject && Boolean(options.once);
    const passive = isObject && Boolean(options.passive);
    const signal = isObject ? options.signal : undefined;
    if (signal !== undefined && !signalHooks?.is(signal))
      throw new NativeTypeError("The option 'signal' is not an AbortSignal.");
    checkCallback(callback);
    if (callback === null || callback === undefined || (signal && signal.aborted)) return;
    const listener = { type: `${type}`, callback, capture, once, passive, removed: false };
    if (listeners.add(listener) && signal) signalHooks.onAbort(signal, () => listeners.remove(listener));
  }

  removeEventListener(type, callback, options = {}) {
    requireArguments(2, arguments.length, "EventTarget.removeEventListener");
    const listeners = receiver(this).#listeners;
    const capture = typeof options === "object" && options !== null ? Boolean(options.capture) : Boolean(options);
    checkCallback(callback);
    listeners.remove({ type: `${type}`, callback, capture });
  }

  dispatchEvent(event) {
    requireArguments(1, arguments.length, "EventTarget.dispatchEvent");
    const target = receiver(this);
    if (!(event instanceof Event)) throw new NativeTypeError("The argument of dispatchEvent() must be an Event.");
    return dispatchTrusted(event, target, target.#listeners.of(event.type), false);
  }
}

// Called as plain functions, the methods of the global object's interface act on the global object; ours is no
// EventTarget, so there is nothing to act on.
function receiver(value) {
  if (typeof value !== "object" || value === null || !isTarget(value)) throw new NativeTypeError("Illegal invocation");
  return value;
}

function checkCallback(callback) {
  if (callback !== null && callback !== undefined && typeof callback !== "object" && typeof callback !== "function")
    throw new NativeTypeError("The listener must be a function or an object.");
}

// abort.js needs events and events need signals; it says here what it can do.
let signalHooks;
export const setSignalHooks = (hooks) => (signalHooks = hooks);

// Fires an event of the platform's own making.
export function fire(target, type) {
  dispatchTrusted(new Event(type), target, listenersOf(target).of(type), true);
}

// An `onxxx` attribute: a listener whose place is kept when its function changes.
export function handlerAttribute(type) {
  const handlers = new WeakMap();
  return {
    get(target) {
      return handlers.get(target)?.value ?? null;
    },
    set(target, value) {
      const usable = typeof value === "function" || (typeof value === "object" && value !== null) ? value : null;
      const known = handlers.get(target);
      if (known) {
        known.value = usable;
        return;
      }
      if (usable === null) return;
      const entry = { value: usable };
      handlers.set(target, entry);
      const callback = (event) => {
        if (typeof entry.value === "function") apply(entry.value, target, [event]);
      };
      listenersOf(target).add({ type, callback, capture: false, once: false, passive: false, removed: false });
    },
  };
}

export function installEvents() {
  defineInterface("Event", Event, { constants });
  defineInterface("CustomEvent", CustomEvent);
  defineInterface("EventTarget", EventTarget);
}

export { Event, EventTarget };
