// Request (Fetch Standard, section 5.4).
import { followingSignal, isSignal } from "../globals/abort.js";
import { defineInterface, requireArguments } from "../globals/idl.js";
import { refuseToClone } from "../globals/structured-clone.js";
import { parseAbsolute } from "../globals/url.js";
import { refuseAsResult } from "../result.js";
import { matches, stringSlice, toUpperCase } from "../primordials.js";
import { showAs } from "../inspect/inspect.js";
import { bytesOf, extractBody, mixBody } from "./body.js";
import { appendTo, hasHeader, Headers, listOf } from "./headers.js";

const enums = {
  __proto__: null,
  mode: ["navigate", "same-origin", "no-cors", "cors"],
  credentials: ["omit", "same-origin", "include"],
  cache: ["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached"],
  redirect: ["follow", "error", "manual"],
  referrerPolicy: [
    "",
    "no-referrer",
    "no-referrer-when-downgrade",
    "same-origin",
    "origin",
    "strict-origin",
    "origin-when-cross-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
  ],
};
const defaults = {
  mode: "cors",
  credentials: "same-origin",
  cache: "default",
  redirect: "follow",
  referrerPolicy: "",
  referrer: "about:client",
  integrity: "",
  keepalive: false,
  duplex: "half",
};
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const normalized = /^(?:DELETE|GET|HEAD|OPTIONS|POST|PUT)$/i;
const forbidden = /^(?:CONNECT|TRACE|TRACK)$/i;

let stateOf, isRequest;
const trusted = {}; // as `input`: the second argument is a whole state

class Request {
  #state;

  static {
    stateOf = (request) => request.#state;
    isRequest = (value) => typeof value === "object" && value !== null && #state in value;
  }

  constructor(input, init = {}) {
    if (input === trusted) {
      this.#state = init;
      return;
    }
    requireArguments(1, arguments.length, "Request");
    if (init === null) init = {};
    if (typeof init !== "object" && typeof init !== "function")
      throw new TypeError("The options of a Request must be an object.");
    const from = isRequest(input) ? input.#state : null;
    const state = { __proto__: null, text: undefined, ...defaults, method: "GET", ...from, used: false };
    if (!from) state.url = parseURL(input);
    for (const key in enums) if (init[key] !== undefined) state[key] = choice(key, init[key]);
    if (state.mode === "navigate" && init.mode !== undefined)
      throw new TypeError("A Request's mode cannot be 'navigate'.");
    if (init.window !== undefined && init.window !== null) throw new TypeError("A Request's window can only be null.");
    if (init.integrity !== undefined) state.integrity = `${init.integrity}`;
    if (init.keepalive !== undefined) state.keepalive = Boolean(init.keepalive);
    if (init.method !== undefined) state.method = methodOf(init.method);
    const signal = init.signal === undefined ? from?.signal : init.signal;
    if (signal !== undefined && signal !== null && !isSignal(signal))
      throw new TypeError("The option 'signal' is not an AbortSignal.");
    state.signal = followingSignal(signal);
    state.headers = new Headers(init.headers ?? from?.headers);

    const given = init.body !== undefined && init.body !== null;
    if ((given || (from && bytesOf(from))) && (state.method === "GET" || state.method === "HEAD"))
      throw new TypeError(`A ${state.method} request cannot have a body.`);
    if (given) {
      const body = extractBody(init.body);
      state.bytes = body.bytes;
      if (body.type && !hasHeader(state.headers, "content-type")) appendTo(state.headers, "content-type", body.type);
    } else if (from && bytesOf(from)) {
      if (from.used) throw new TypeError("The body of the Request has already been read.");
      state.bytes = from.bytes;
      from.used = true;
    } else state.bytes = null;
    this.#state = state;
  }

  get method() {
    return this.#state.method;
  }
  get url() {
    return this.#state.url;
  }
  get headers() {
    return this.#state.headers;
  }
  get destination() {
    void this.#state;
    return "";
  }
  get referrer() {
    return this.#state.referrer;
  }
  get referrerPolicy() {
    return this.#state.referrerPolicy;
  }
  get mode() {
    return this.#state.mode;
  }
  get credentials() {
    return this.#state.credentials;
  }
  get cache() {
    return this.#state.cache;
  }
  get redirect() {
    return this.#state.redirect;
  }
  get integrity() {
    return this.#state.integrity;
  }
  get keepalive() {
    return this.#state.keepalive;
  }
  get signal() {
    return signalOf(this.#state);
  }
  get duplex() {
    void this.#state;
    return "half";
  }
  clone() {
    if (this.#state.used) throw new TypeError("The body has already been read.");
    const copy = new Request(this.#state.url);
    copy.#state = {
      ...this.#state,
      headers: new Headers(this.#state.headers),
      signal: followingSignal(this.#state.signal),
    };
    return copy;
  }
}

// Made when asked for: most requests are never aborted.
export const signalOf = (state) => (state.signal ??= followingSignal());

// A POST of JSON text to `url`, which must be one already as the URL Standard serialises it.
export function makeJsonRequest(url, text) {
  const headers = new Headers();
  listOf(headers)[0] = ["content-type", "application/json"];
  return new Request(trusted, {
    ...defaults,
    method: "POST",
    url,
    headers,
    signal: undefined,
    bytes: null,
    text,
    used: false,
  });
}

function parseURL(input) {
  const text = `${input}`;
  const url = parseAbsolute(text);
  if (url === null) throw new TypeError(`'${stringSlice(text, 0, 200)}' is not a valid URL. A URL must be absolute.`);
  if (url.credentials) throw new TypeError("A Request's URL cannot contain credentials.");
  return url.href;
}

function choice(key, value) {
  const text = `${value}`;
  for (let i = 0; i < enums[key].length; i++) if (enums[key][i] === text) return text;
  throw new TypeError(`'${stringSlice(text, 0, 100)}' is no value of a Request's ${key}.`);
}

function methodOf(value) {
  const method = `${value}`;
  if (!matches(token, method)) throw new TypeError(`'${stringSlice(method, 0, 100)}' is not a valid method.`);
  if (matches(forbidden, method)) throw new TypeError(`The method '${method}' is not allowed.`);
  return matches(normalized, method) ? toUpperCase(method) : method;
}

export function installRequest() {
  mixBody(Request, (request) => stateOf(request));
  defineInterface("Request", Request);
  showAs(isRequest, ({ method, url, headers }) => ({ method, url, headers }));
  refuseToClone(isRequest);
  refuseAsResult(isRequest, "Request");
}

export { Request, stateOf as requestState };
