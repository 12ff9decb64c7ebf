// UTF-8 by the host. Also stands in for whatwg-url's own encoding module.
import { host } from "../host.js";

export const utf8Encode = (string) => host.utf8Encode(string);
export const utf8Decode = (view, fatal = false) => host.utf8Decode(view, fatal);

export function utf8DecodeWithoutBOM(view) {
  return host.utf8Decode(view, false);
}
