// Parsing, and deciding which of the accepted shapes a source has.
import { parse as acornParse, parseExpressionAt, tokenizer } from "acorn";

const options = () => ({
  allowHashBang: true,
  ecmaVersion: "latest",
  preserveParens: true,
  sourceType: "module",
});

const isFunction = (node) => {
  while (node.type === "ParenthesizedExpression") node = node.expression;
  return node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression";
};

const exports = /^Export/;

// The statement that makes this source "code mode": a function standing alone, after imports and helpers.
function entryStatement(body) {
  if (body.some((node) => exports.test(node.type))) return null;
  const rest = body.filter((node) => node.type !== "EmptyStatement" && node.type !== "ImportDeclaration");
  const last = rest.at(-1);
  if (!last) return null;
  if (last.type === "ExpressionStatement" && isFunction(last.expression)) return last;
  return last.type === "FunctionDeclaration" && rest.length === 1 ? last : null;
}

// Returns {ast, entry}: `entry` is the node of a code-mode function, or null for an ordinary module.
// `atEntry` says that this is the entry module. Throws acorn's SyntaxError.
export function parse(source, atEntry) {
  let ast;
  try {
    ast = acornParse(source, options());
  } catch (error) {
    const entry = atEntry && anonymousFunction(source);
    if (!entry) throw error;
    return { ast: { type: "Program", body: [entry], start: 0, end: source.length }, entry };
  }
  return { ast, entry: atEntry ? entryStatement(ast.body) : null };
}

// `async function ({input}) {…}` is no statement, but it is what people write.
function anonymousFunction(source) {
  if (!/^(?:\s|\/\/.*|\/\*[^]*?\*\/)*(?:async\s+)?function\b/.test(source)) return null;
  try {
    const expression = parseExpressionAt(source, 0, options());
    if (!isFunction(expression)) return null;
    let end = expression.end;
    for (const token of tokenizer(source.slice(end), options())) {
      if (token.type.label !== ";") return null;
      end = expression.end + token.end;
    }
    return { type: "ExpressionStatement", expression, start: expression.start, end };
  } catch {
    return null;
  }
}
