import ts from 'typescript';

/** One place where a file names another module. */
export interface Import {
  readonly specifier: string;
  /** `type`: erased by the compiler. `dynamic`: only on demand. */
  readonly kind: 'static' | 'type' | 'dynamic';
}

/** Everything a file imports or re-exports, read with TypeScript's own parser. */
export function readImports(file: string, text: string): readonly Import[] {
  const imports: Import[] = [];
  const add = (node: ts.Node | undefined, kind: Import['kind']) => {
    if (node === undefined) return;
    // What cannot be read cannot be checked: the expression itself becomes the specifier.
    const specifier = ts.isStringLiteralLike(node) ? node.text : node.getText();
    imports.push({ specifier, kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      add(node.moduleSpecifier, isType ? 'type' : 'static');
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly ? 'type' : 'static');
    } else if (ts.isExternalModuleReference(node)) {
      add(node.expression, 'static');
    } else if (ts.isImportTypeNode(node)) {
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument, 'type');
    } else if (ts.isCallExpression(node)) {
      const { expression } = node;
      if (expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0], 'dynamic');
      if (ts.isIdentifier(expression) && expression.text === 'require') {
        add(node.arguments[0], 'static');
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return imports;
}

/** `@scope/name/sub/path` → `@scope/name` */
export const toPackageName = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
