/** TypeScript made JavaScript before the virtual machine sees it: compiling is what an emulated processor is slowest at. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** Writes what is below `folders` of `root` to the same places below `into`, as JavaScript. Types are not checked. */
export function compile(root: string, folders: readonly string[], into: string): void {
  const compilerOptions: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    // Of `using`, which Node does not know yet, nothing is left.
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
  };
  for (const path of folders.flatMap((folder) => typeScript(join(root, folder)))) {
    const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), { fileName: path, compilerOptions });
    const output = join(into, relative(root, path)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(output), { recursive: true });
    writeFileSync(output, outputText);
  }
}

function typeScript(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name));
}
