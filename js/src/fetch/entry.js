// Calling a default export's fetch(request, env, ctx) with a Request made from the input, and turning its
// Response into the run's result.
import { setFetchInvocation } from "../entry.js";
import {
  apply,
  defineProperty,
  freeze,
  hasOwn,
  isArray,
  jsonParse,
  stringIncludes,
  stringStartsWith,
  toBase64,
  toLowerCase,
  toStr,
} from "../primordials.js";
import { plainFailure } from "../errors/failure.js";
import { bytesOf, decodeText } from "./body.js";
import { listOf, sorted } from "./headers.js";
import { makeJsonRequest, Request } from "./request.js";
import { isResponse, responseState } from "./response.js";
import { toJson } from "../result.js";

const DEFAULT_URL = "https://run.cordon.invalid/";

function requestOf(input, text) {
  if (input === undefined || input === null) return new Request(DEFAULT_URL);
  const has = (key) => hasOwn(input, key);
  if (typeof input !== "object" || isArray(input) || !(has("url") || has("method") || has("headers") || has("body")))
    return makeJsonRequest(DEFAULT_URL, text);
  const { url = DEFAULT_URL, headers, body } = input;
  const sends = body !== undefined && body !== null;
  const isText = typeof body === "string";
  const request = new Request(url, {
    method: input.method ?? (sends ? "POST" : "GET"),
    headers: headers ?? undefined,
    body: sends ? (isText ? body : toJson(body)) : undefined,
  });
  if (sends && !isText && !(headers && new Request(url, { headers }).headers.has("content-type")))
    request.headers.set("content-type", "application/json");
  return request;
}

// {value}, or {json} where the body is JSON text already.
function resultOf(value) {
  if (!isResponse(value))
    throw plainFailure(
      "code.exception",
      "fetch(request, env, ctx) must return a Response, for example: return Response.json({ ok: true })",
    );
  const state = responseState(value);
  const { status, headers, text } = state;
  if (state.used)
    throw plainFailure(
      "code.exception",
      "The Response that was returned has already been read. Return response.clone(), or a new Response.",
    );
  const list = listOf(headers);
  if (state.isJson && list.length === 1 && list[0][1] === "application/json")
    return {
      __proto__: null,
      json: `{"status":${toStr(status)},"headers":{"content-type":"application/json"},"body":${text}}`,
    };
  const fields = {};
  const entries = sorted(headers);
  for (let i = 0; i < entries.length; i++) {
    const name = entries[i][0];
    const value = hasOwn(fields, name) ? `${fields[name]}, ${entries[i][1]}` : entries[i][1];
    defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true });
  }
  const bytes = bytesOf(state);
  const body = bytes === null ? null : bodyOf(bytes, toLowerCase(fields["content-type"] ?? ""));
  return { __proto__: null, value: { status, headers: fields, body } };
}

function bodyOf(bytes, type) {
  if (stringStartsWith(type, "application/json") || stringIncludes(type, "+json")) {
    try {
      return jsonParse(decodeText(bytes));
    } catch {
      return decodeText(bytes);
    }
  }
  if (
    stringStartsWith(type, "text/") ||
    stringStartsWith(type, "application/x-www-form-urlencoded") ||
    stringStartsWith(type, "application/javascript")
  )
    return decodeText(bytes);
  return { base64: toBase64(bytes) };
}

setFetchInvocation((entry, fetch) => ({
  __proto__: null,
  kind: "fetch",
  call: (input, ctx, text) => apply(fetch, entry, [requestOf(input, text), freeze({}), ctx]),
  result: resultOf,
}));
