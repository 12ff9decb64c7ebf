// Models like to wrap code in Markdown fences. Lines and columns of what is inside stay what they are in the
// whole text.

const fence = /^[ \t]*(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*$/;

// Returns {code, language}, or null when there is no fence. Unless `anywhere`, the fence has to come first.
export function unfence(source, anywhere) {
  if (!source.includes("```") && !source.includes("~~~")) return null;
  const lines = source.split("\n");
  let open = 0;
  if (anywhere) while (open < lines.length && !fence.test(lines[open])) open++;
  else while (open < lines.length && lines[open].trim() === "") open++;
  const match = fence.exec(lines[open] ?? "");
  if (!match) return null;
  let close = open + 1;
  while (close < lines.length && !lines[close].trim().startsWith(match[1])) close++;
  const code = "\n".repeat(open + 1) + lines.slice(open + 1, close).join("\n");
  const tag = match[2].toLowerCase();
  const language = /^(?:ts|typescript|mts)$/.test(tag) ? "ts" : /^(?:js|javascript|mjs)$/.test(tag) ? "js" : "";
  return { code, language };
}
