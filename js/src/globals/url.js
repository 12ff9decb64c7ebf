// URL and URLSearchParams: the standard's reference implementation.
import { URL as urlWrapper, URLSearchParams as paramsWrapper } from "whatwg-url/webidl2js-wrapper";
import { basicURLParse, serializeURL } from "whatwg-url/lib/url-state-machine";
import { showAs } from "../inspect/inspect.js";
import { uncurry } from "../primordials.js";

let isURL, isParams, hrefOf, paramsToString, SearchParams, PlatformURL;

export function installURL() {
  urlWrapper.install(globalThis, ["Window"]);
  paramsWrapper.install(globalThis, ["Window"]);
  PlatformURL = globalThis.URL;
  SearchParams = globalThis.URLSearchParams;
  delete globalThis.webkitURL;
  // The bundler has given one of them another name.
  for (const name of ["URL", "URLSearchParams"])
    Object.defineProperty(globalThis[name], "name", { value: name, configurable: true });
  isURL = urlWrapper.is;
  isParams = paramsWrapper.is;
  hrefOf = uncurry(Object.getOwnPropertyDescriptor(PlatformURL.prototype, "href").get);
  paramsToString = uncurry(SearchParams.prototype.toString);
  showAs(isURL, (url) => `URL { ${hrefOf(url)} }`);
  showAs(isParams, (params) => `URLSearchParams { '${paramsToString(params)}' }`);
}

// {href, credentials} of an absolute URL, or null, without the interface that user code can reach.
export function parseAbsolute(text) {
  const record = basicURLParse(text, { __proto__: null });
  if (record === null) return null;
  const credentials = record.username !== "" || record.password !== "";
  return { __proto__: null, href: serializeURL(record), credentials };
}

export { isURL, isParams, hrefOf, paramsToString, PlatformURL };
