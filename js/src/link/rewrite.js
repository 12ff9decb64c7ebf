// Rewrites a module into a generator function that plain scripts can hold.
//
// The first step of the generator hands over getters for the module's exports, the rest of it is the module's
// body. That is all that live bindings, temporal dead zones and hoisted functions need: they are the engine's
// own. Imported names become properties of one object whose getters read the exporting module's binding.
import { applyEdits, blank } from "./positions.js";
import { lexicalNames, patternNames, varNames } from "./scope.js";

const statementLists = new Set(["Program", "BlockStatement", "StaticBlock", "SwitchCase"]);

// Returns what the linker needs to know, in a form that survives JSON.
export function rewrite(source, ast, entry) {
  const names = unusedNames(ast);
  const module = { async: false, expression: entry !== null, requests: [], imports: [], indirect: [], stars: [] };
  const edits = [];
  const locals = new Map(); // export name -> local name or expression
  const imported = new Map(); // local name -> [request, import name]
  const context = { source, names, edits, imported, locals, module };

  for (const node of ast.body) if (node.type === "ImportDeclaration") importDeclaration(context, node);
  for (const node of ast.body) exportDeclaration(context, node, node === entry);
  walkBody(context, ast);
  if (source.startsWith("#!")) edits.push({ start: 0, end: 2, text: "//" });

  for (const [local, [request, name, at]] of imported) module.imports.push([request, name, local, at]);
  let getters = "";
  for (const [name, local] of locals) getters += `[${JSON.stringify(name)}]:()=>${local},`;
  module.names = [...locals.keys()];
  const star = module.async ? "async function*" : "function*";
  const head = `"use strict";((${names.imports},${names.host})=>${star}(){${names.host}.exports({${getters}});yield;`;
  edits.unshift({ start: 0, end: 0, text: head });
  edits.push({ start: source.length, end: source.length, text: "\n})" });
  const { text, map } = applyEdits(source, edits);
  return { ...module, prefix: names.imports, code: text, map };
}

// Names for what we add that no identifier of the module collides with, however it spells its own.
function unusedNames(ast) {
  const used = new Set();
  (function visit(node) {
    if (node.type === "Identifier") used.add(node.name);
    for (const key in node) {
      const value = node[key];
      if (Array.isArray(value)) {
        for (const item of value) if (item?.type) visit(item);
      } else if (value?.type) visit(value);
    }
  })(ast);
  const fresh = (name) => {
    while (used.has(name)) name += "$";
    return name;
  };
  return { imports: fresh("$imports"), host: fresh("$module"), default: fresh("$default") };
}

const nameOf = (node) => (node.type === "Literal" ? node.value : node.name);

function request(context, node) {
  const attributes = node.attributes?.map((attribute) => [nameOf(attribute.key), attribute.value.value]) ?? [];
  const { requests } = context.module;
  const specifier = node.source.value;
  const known = requests.findIndex(
    (item) => item.specifier === specifier && String(item.attributes) === String(attributes),
  );
  if (known >= 0) return known;
  return requests.push({ specifier, attributes, at: node.source.start }) - 1;
}

function remove(context, node) {
  // A semicolon stays behind: the statement ended the one before it.
  context.edits.push({ start: node.start, end: node.end, text: `;${blank(context.source, node.start, node.end)}` });
}

function importDeclaration(context, node) {
  const index = request(context, node);
  for (const specifier of node.specifiers) {
    const name =
      specifier.type === "ImportDefaultSpecifier"
        ? "default"
        : specifier.type === "ImportNamespaceSpecifier"
          ? "*"
          : nameOf(specifier.imported);
    context.imported.set(specifier.local.name, [index, name, specifier.start]);
  }
  remove(context, node);
}

function exportDeclaration(context, node, isEntry) {
  const { edits, locals, imported, module, names } = context;
  if (isEntry && node.type === "FunctionDeclaration") {
    locals.set("default", node.id.name);
  } else if (isEntry) {
    wrapDefault(context, node, node.start, node.start);
  } else if (node.type === "ExportAllDeclaration") {
    const index = request(context, node);
    if (node.exported) module.indirect.push([nameOf(node.exported), index, "*", node.start]);
    else module.stars.push(index);
    remove(context, node);
  } else if (node.type === "ExportNamedDeclaration" && node.declaration) {
    const declared = new Set();
    lexicalNames([node.declaration], declared);
    varNames(node.declaration, declared);
    for (const name of declared) locals.set(name, name);
    edits.push({
      start: node.start,
      end: node.declaration.start,
      text: blank(context.source, node.start, node.declaration.start),
    });
  } else if (node.type === "ExportNamedDeclaration") {
    const index = node.source ? request(context, node) : -1;
    for (const specifier of node.specifiers) {
      const local = nameOf(specifier.local);
      const name = nameOf(specifier.exported);
      const from = index < 0 ? imported.get(local) : [index, local];
      // A namespace that is exported by its name is a value of this module's like any other.
      if (from && !(index < 0 && from[1] === "*")) module.indirect.push([name, from[0], from[1], specifier.start]);
      else locals.set(name, from ? `${names.imports}.${local}` : local);
    }
    remove(context, node);
  } else if (node.type === "ExportDefaultDeclaration") {
    exportDefault(context, node);
  }
}

function exportDefault(context, node) {
  const { source, edits, locals, names } = context;
  const { declaration } = node;
  // Past the word `default`; only white space and comments can stand before and after it.
  const after = defaultEnd(source, node.start);
  const gap = blank(source, node.start, after);
  if (declaration.type === "FunctionDeclaration" || (declaration.type === "ClassDeclaration" && declaration.id)) {
    edits.push({ start: node.start, end: after, text: gap });
    if (declaration.id) {
      locals.set("default", declaration.id.name);
    } else {
      // It is hoisted, so it has to remain a declaration; the linker gives it the name "default".
      const paren = source.indexOf("(", functionKeywordEnd(source, declaration));
      edits.push({ start: paren, end: paren, text: ` ${names.default}` });
      locals.set("default", names.default);
      context.module.nameDefault = true;
    }
  } else {
    wrapDefault(context, node, node.start, after);
  }
}

// `export default EXPRESSION;` -> `const $default={default:EXPRESSION}.default;`: a function or class without a
// name gets the name "default" from the property, as it would from the export.
function wrapDefault(context, node, start, after) {
  const { source, edits, locals, names } = context;
  const end = source[node.end - 1] === ";" ? node.end - 1 : node.end;
  edits.push({ start, end: after, text: `const ${names.default}={default:${blank(source, start, after)}` });
  context.tail = { start: end, end, text: "}.default;" };
  locals.set("default", names.default);
}

function skipTrivia(source, at) {
  for (;;) {
    if (/\s/.test(source[at])) at++;
    else if (source.startsWith("//", at)) at += /^.*/.exec(source.slice(at))[0].length;
    else if (source.startsWith("/*", at)) at = source.indexOf("*/", at) + 2;
    else return at;
  }
}

const defaultEnd = (source, at) => skipTrivia(source, at + "export".length) + "default".length;

function functionKeywordEnd(source, declaration) {
  let at = declaration.start;
  if (declaration.async) at = skipTrivia(source, at + "async".length);
  at = skipTrivia(source, at + "function".length);
  return declaration.generator ? at + 1 : at;
}

function walkBody(context, ast) {
  const { names, edits, imported, module } = context;

  const isImport = (name, scope) => {
    if (!imported.has(name)) return false;
    for (let at = scope; at; at = at.parent) if (at.names.has(name)) return false;
    return true;
  };
  const inner = (scope, fill) => {
    if (imported.size === 0) return scope;
    const declared = new Set();
    fill(declared);
    return { names: declared, parent: scope };
  };
  const replace = (node, text) => edits.push({ start: node.start, end: node.end, text });

  // `depth` counts enclosing functions; `list` is the start of the enclosing statement if it stands in a list.
  const children = (node, scope, depth, list) => {
    for (const key in node) {
      const value = node[key];
      if (Array.isArray(value)) {
        for (const item of value) if (item?.type) walk(item, scope, depth, list, node);
      } else if (value?.type) walk(value, scope, depth, list, node);
    }
  };

  const walkFunction = (node, scope, depth) => {
    if (node.type === "FunctionExpression" && node.id) scope = inner(scope, (set) => set.add(node.id.name));
    const parameters = inner(scope, (set) => node.params.forEach((param) => patternNames(param, set)));
    for (const param of node.params) walk(param, parameters, depth + 1, -1, node);
    if (node.body.type !== "BlockStatement") {
      walk(node.body, parameters, depth + 1, -1, node);
      return;
    }
    const body = inner(parameters, (set) => {
      varNames(node.body, set);
      lexicalNames(node.body.body, set);
    });
    for (const item of node.body.body) walk(item, body, depth + 1, item.start, node.body);
  };

  const walkClass = (node, scope, depth) => {
    if (node.id) scope = inner(scope, (set) => set.add(node.id.name));
    if (node.superClass) walk(node.superClass, scope, depth, -1, node);
    for (const member of node.body.body) {
      if (member.computed) walk(member.key, scope, depth, -1, member);
      if (member.type === "StaticBlock") {
        const body = inner(scope, (set) => {
          varNames(member.body, set);
          lexicalNames(member.body, set);
        });
        for (const item of member.body) walk(item, body, depth + 1, item.start, member);
      } else if (member.value) walk(member.value, scope, depth + 1, -1, member);
    }
  };

  const walk = (node, scope, depth, list, parent) => {
    if (statementLists.has(parent.type)) list = node.type === "ExpressionStatement" ? node.start : -1;
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "BreakStatement":
      case "ContinueStatement":
        return;
      case "ExportNamedDeclaration":
        if (node.declaration) walk(node.declaration, scope, depth, -1, node);
        return;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        walkFunction(node, scope, depth);
        return;
      case "ClassDeclaration":
      case "ClassExpression":
        walkClass(node, scope, depth);
        return;
      case "BlockStatement": {
        const block = inner(scope, (set) => lexicalNames(node.body, set));
        for (const item of node.body) walk(item, block, depth, -1, node);
        return;
      }
      case "SwitchStatement": {
        walk(node.discriminant, scope, depth, -1, node);
        const block = inner(scope, (set) => node.cases.forEach((item) => lexicalNames(item.consequent, set)));
        for (const item of node.cases) {
          if (item.test) walk(item.test, block, depth, -1, node);
          for (const statement of item.consequent) walk(statement, block, depth, -1, item);
        }
        return;
      }
      case "ForOfStatement":
        if (node.await && depth === 0) module.async = true;
      // falls through
      case "ForStatement":
      case "ForInStatement": {
        const head = node.init ?? node.left;
        children(node, head ? inner(scope, (set) => lexicalNames([head], set)) : scope, depth, -1);
        return;
      }
      case "CatchClause": {
        const block = inner(scope, (set) => patternNames(node.param, set));
        if (node.param) walk(node.param, block, depth, -1, node);
        walk(node.body, block, depth, -1, node);
        return;
      }
      case "LabeledStatement":
        walk(node.body, scope, depth, -1, node);
        return;
      case "AwaitExpression":
        if (depth === 0) module.async = true;
        break;
      case "MetaProperty":
        if (node.meta.name === "import") {
          module.asksLinker = true;
          replace(node, `${names.host}.meta`);
        }
        return;
      case "ImportExpression":
        module.asksLinker = true;
        edits.push({ start: node.start, end: node.start + "import".length, text: `${names.host}.import` });
        break;
      case "MemberExpression":
        walk(node.object, scope, depth, list, node);
        if (node.computed) walk(node.property, scope, depth, -1, node);
        return;
      case "Property":
        if (node.shorthand) {
          const key = node.value.type === "AssignmentPattern" ? node.value.left : node.value;
          if (isImport(key.name, scope)) edits.push({ start: key.start, end: key.start, text: `${key.name}:` });
        } else if (node.computed) walk(node.key, scope, depth, -1, node);
        walk(node.value, scope, depth, -1, node);
        return;
      case "CallExpression":
      case "TaggedTemplateExpression": {
        const callee = node.callee ?? node.tag;
        if (callee.type === "Identifier" && isImport(callee.name, scope)) {
          // A call of an import has no receiver. Nothing may join it to a line that lacks its semicolon.
          const start = callee.start === list ? ";" : "";
          replace(callee, `${start}(0,${names.imports}.${callee.name})`);
          for (const item of node.arguments ?? [node.quasi]) walk(item, scope, depth, -1, node);
          return;
        }
        break;
      }
      case "Identifier":
        if (isImport(node.name, scope)) replace(node, `${names.imports}.${node.name}`);
        return;
    }
    children(node, scope, depth, list);
  };

  for (const item of ast.body) walk(item, null, 0, -1, ast);
  if (context.tail) edits.push(context.tail);
}
