// In: paths of JavaScript and TypeScript files, one a line. Out: a line of JSON each, by the TypeScript compiler.
const fs = require("fs");
const ts = require(process.argv[2]);

const isFunction = (node) => node && (ts.isArrowFunction(node) || ts.isFunctionExpression(node));

function what(node) {
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isMethodSignature(node)) return "function";
  if (ts.isConstructorDeclaration(node) || ts.isGetAccessor(node) || ts.isSetAccessor(node)) return "function";
  if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) return "class";
  if (ts.isTypeAliasDeclaration(node) || ts.isEnumDeclaration(node)) return "class";
  if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node) || ts.isPropertyAssignment(node)) {
    if (isFunction(node.initializer)) return "function";
    if (ts.isVariableDeclaration(node) && node.initializer && ts.isClassExpression(node.initializer)) return "class";
  }
  return isAssigned(node) ? "function" : undefined;
}

const assigned = (left) => ts.isIdentifier(left) ? left : ts.isPropertyAccessExpression(left) ? left.name : undefined;
const isAssigned = (node) =>
  ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken &&
  assigned(node.left) && isFunction(node.right) &&
  !["exports", "prototype"].includes(assigned(node.left).getText());

function read(path) {
  const text = fs.readFileSync(path, "utf8");
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  if (source.parseDiagnostics.length) return { path, error: "syntax" };
  const found = [];
  const visit = (node) => {
    const kind = what(node);
    const name = kind && (isAssigned(node) ? assigned(node.left).getText(source) : node.name ? node.name.getText(source) : ts.isConstructorDeclaration(node) ? "constructor" : "");
    if (name) {
      const decorators = (node.modifiers || []).filter((each) => ts.isDecorator(each) || each.kind === ts.SyntaxKind.ExportKeyword || each.kind === ts.SyntaxKind.DefaultKeyword);
      const start = decorators.length ? ts.skipTrivia(text, decorators[decorators.length - 1].end) : node.getStart(source);
      found.push([kind, name, source.getLineAndCharacterOfPosition(start).line + 1]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { path, found };
}

for (const path of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  let answer;
  try {
    answer = read(path);
  } catch (error) {
    answer = { path, error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
