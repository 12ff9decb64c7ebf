// fetch(): a Request to the broker, its answer as a Response or a rejection.
import { addAlgorithm, reasonOf, throwIfAborted } from "../globals/abort.js";
import { defineFunctions, requireArguments } from "../globals/idl.js";
import { failure } from "../errors/failure.js";
import { operation } from "../operations.js";
import {
  base64ToBytes,
  defineProperty,
  NativePromise,
  NativeTypeError,
  promiseThen,
  quote,
  toBase64,
  toStr,
  typedArrayLength,
} from "../primordials.js";
import { headersOf, listOf, setGuard } from "./headers.js";
import { bytesOf } from "./body.js";
import { Request, requestState, signalOf } from "./request.js";
import { makeResponse } from "./response.js";

// What the broker refused. To the code it is the TypeError that fetch() has for network errors; it says more to
// whoever asks.
function refusal({ status, payload }) {
  const { code, message, decision, rule, remedy } = payload;
  const why = message ?? (status === 1 ? "The policy does not allow it." : "The request failed.");
  const stable = code ?? (status === 1 ? "egress.denied" : "egress.failed");
  const extra = { decision: text(decision), rule: text(rule), remedy: text(remedy) };
  const error = failure(
    NativeTypeError,
    stable,
    `fetch ${status === 1 ? "denied" : "failed"}: ${why}${remedy ? `; ${remedy}` : ""}`,
    { extra },
  );
  const properties = { __proto__: null, code: stable, ...extra };
  for (const key in properties)
    defineProperty(error, key, { value: properties[key], writable: true, enumerable: true, configurable: true });
  return error;
}

const text = (value) => (value === undefined || value === null ? null : toStr(value));

function payloadOf({ url, method, headers, bytes, redirect }) {
  let list = "";
  const entries = listOf(headers);
  for (let i = 0; i < entries.length; i++)
    list += `${i === 0 ? "" : ","}[${quote(entries[i][0])},${quote(entries[i][1])}]`;
  const body = bytes === null ? "null" : quote(toBase64(bytes));
  return `{"url":${quote(url)},"method":${quote(method)},"headers":[${list}],"redirect":${quote(redirect)},"body":${body},"bodyBytes":${bytes === null ? 0 : typedArrayLength(bytes)}}`;
}

function responseOf(payload, url) {
  const headers = headersOf(payload.headers);
  setGuard(headers, "immutable");
  const bytes = typeof payload.body === "string" ? base64ToBytes(payload.body) : null;
  return makeResponse({
    type: "basic",
    url: payload.url ?? url,
    redirected: Boolean(payload.redirected),
    status: payload.status,
    statusText: payload.statusText ?? "",
    headers,
    bytes,
  });
}

async function fetchHere(request) {
  const state = requestState(request);
  const signal = signalOf(state);
  throwIfAborted(signal);
  if (state.used) throw new NativeTypeError("The body has already been read.");
  state.used = bytesOf(state) !== null;
  const { promise, cancel } = operation("fetch", payloadOf(state));
  return await new NativePromise((resolve, reject) => {
    const forget = addAlgorithm(signal, () => {
      cancel();
      reject(reasonOf(signal));
    });
    promiseThen(
      promise,
      (payload) => {
        forget();
        try {
          resolve(responseOf(payload, state.url));
        } catch (error) {
          reject(error);
        }
      },
      (answer) => {
        forget();
        reject(refusal(answer));
      },
    );
  });
}

export function installFetch() {
  defineFunctions({
    async fetch(input, init = undefined) {
      requireArguments(1, arguments.length, "fetch");
      return fetchHere(new Request(input, init));
    },
  });
}
