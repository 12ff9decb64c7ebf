// Which names a part of the syntax tree declares. Modules are strict, so functions in blocks stay in their block.

export function patternNames(node, names) {
  if (!node) return;
  switch (node.type) {
    case "Identifier":
      names.add(node.name);
      break;
    case "ObjectPattern":
      for (const property of node.properties) patternNames(property.value ?? property.argument, names);
      break;
    case "ArrayPattern":
      for (const element of node.elements) patternNames(element, names);
      break;
    case "RestElement":
      patternNames(node.argument, names);
      break;
    case "AssignmentPattern":
      patternNames(node.left, names);
      break;
  }
}

// let, const, class and function declarations directly in a list of statements.
export function lexicalNames(statements, names) {
  for (const statement of statements) {
    if (statement.type === "FunctionDeclaration" || statement.type === "ClassDeclaration") names.add(statement.id.name);
    else if (statement.type === "VariableDeclaration" && statement.kind !== "var")
      for (const declarator of statement.declarations) patternNames(declarator.id, names);
  }
}

// var declarations anywhere in a function's body, nested functions excluded.
export function varNames(node, names) {
  if (!node) return;
  if (Array.isArray(node)) {
    for (const item of node) varNames(item, names);
    return;
  }
  switch (node.type) {
    case "VariableDeclaration":
      if (node.kind === "var") for (const declarator of node.declarations) patternNames(declarator.id, names);
      break;
    case "BlockStatement":
      varNames(node.body, names);
      break;
    case "IfStatement":
      varNames(node.consequent, names);
      varNames(node.alternate, names);
      break;
    case "ForStatement":
      varNames(node.init, names);
      varNames(node.body, names);
      break;
    case "ForInStatement":
    case "ForOfStatement":
      varNames(node.left, names);
      varNames(node.body, names);
      break;
    case "WhileStatement":
    case "DoWhileStatement":
    case "LabeledStatement":
      varNames(node.body, names);
      break;
    case "SwitchStatement":
      for (const item of node.cases) varNames(item.consequent, names);
      break;
    case "TryStatement":
      varNames(node.block, names);
      varNames(node.handler?.body, names);
      varNames(node.finalizer, names);
      break;
  }
}
