// Response (Fetch Standard, section 5.5).
import { defineInterface, requireArguments } from "../globals/idl.js";
import { refuseToClone } from "../globals/structured-clone.js";
import { hrefOf, PlatformURL } from "../globals/url.js";
import { utf8Encode } from "../globals/utf8.js";
import { refuseAsResult } from "../result.js";
import { showAs } from "../inspect/inspect.js";
import { hasOwn, matches, NativeSet, setHas } from "../primordials.js";
import { extractBody, mixBody } from "./body.js";
import { appendTo, hasHeader, Headers, listOf, setGuard } from "./headers.js";

const nullBody = new NativeSet([101, 103, 204, 205, 304]);
const redirects = new NativeSet([301, 302, 303, 307, 308]);
const reason = /^[\t\x20-\x7e\x80-\xff]*$/;

let stateOf, isResponse, makeResponse;
const { stringify } = JSON;

class Response {
  #state = {
    type: "default",
    url: "",
    redirected: false,
    status: 200,
    statusText: "",
    headers: new Headers(),
    bytes: null,
    text: undefined,
    isJson: false, // `text` is what JSON.stringify gave
    used: false,
  };

  static {
    stateOf = (response) => response.#state;
    isResponse = (value) => typeof value === "object" && value !== null && #state in value;
    makeResponse = (state) => {
      const response = new Response();
      for (const key in state) if (hasOwn(state, key)) response.#state[key] = state[key];
      return response;
    };
  }

  constructor(body = null, init = {}) {
    this.#initialize(init, extractBody(body));
  }

  #initialize(init, body) {
    if (init === null || init === undefined) init = {};
    if (typeof init !== "object" && typeof init !== "function")
      throw new TypeError("The options of a Response must be an object.");
    const status = init.status === undefined ? 200 : toUnsignedShort(init.status);
    if (status < 200 || status > 599) throw new RangeError(`The status ${status} is not in the range 200 to 599.`);
    const statusText = init.statusText === undefined ? "" : `${init.statusText}`;
    if (!matches(reason, statusText)) throw new TypeError("The statusText has characters that are not allowed.");
    const state = this.#state;
    state.status = status;
    state.statusText = statusText;
    if (init.headers !== undefined) state.headers = new Headers(init.headers);
    if (!body) return;
    if (setHas(nullBody, status)) throw new TypeError(`A response with the status ${status} cannot have a body.`);
    state.bytes = body.bytes;
    if (body.type && !hasHeader(state.headers, "content-type")) appendTo(state.headers, "content-type", body.type);
  }

  static error() {
    const response = makeResponse({ type: "error", status: 0 });
    setGuard(response.headers, "immutable");
    return response;
  }

  static redirect(url, status = 302) {
    requireArguments(1, arguments.length, "Response.redirect");
    let target;
    try {
      target = hrefOf(new PlatformURL(`${url}`));
    } catch {
      throw new TypeError(`'${`${url}`.slice(0, 200)}' is not a valid URL.`);
    }
    const code = toUnsignedShort(status);
    if (!setHas(redirects, code)) throw new RangeError(`${code} is not the status of a redirect.`);
    const headers = new Headers([["location", target]]);
    setGuard(headers, "immutable");
    return makeResponse({ status: code, headers });
  }

  static json(data, init = {}) {
    requireArguments(1, arguments.length, "Response.json");
    const text = stringify(data);
    if (text === undefined) throw new TypeError("The data cannot be made JSON.");
    const response = new Response();
    const state = response.#state;
    if (arguments.length === 1) {
      listOf(state.headers)[0] = ["content-type", "application/json"];
      state.text = text;
      state.isJson = true;
    } else response.#initialize(init, { bytes: utf8Encode(text), type: "application/json" });
    return response;
  }

  get type() {
    return this.#state.type;
  }
  get url() {
    return this.#state.url;
  }
  get redirected() {
    return this.#state.redirected;
  }
  get status() {
    return this.#state.status;
  }
  get ok() {
    return this.#state.status >= 200 && this.#state.status <= 299;
  }
  get statusText() {
    return this.#state.statusText;
  }
  get headers() {
    return this.#state.headers;
  }
  clone() {
    if (this.#state.used) throw new TypeError("The body has already been read.");
    return makeResponse({ ...this.#state, headers: new Headers(this.#state.headers) });
  }
}

function toUnsignedShort(value) {
  return Math.trunc(Number(value)) & 0xffff;
}

export function installResponse() {
  mixBody(Response, (response) => stateOf(response));
  defineInterface("Response", Response);
  Object.defineProperty(Response, "length", { value: 0, configurable: true });
  showAs(isResponse, ({ status, statusText, ok, url, headers }) => ({ status, statusText, ok, url, headers }));
  refuseToClone(isResponse);
  refuseAsResult(isResponse, "Response");
}

export { Response, isResponse, makeResponse, stateOf as responseState };
