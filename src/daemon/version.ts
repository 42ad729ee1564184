import { readFileSync } from 'node:fs';

/** Version of the package that this file belongs to; it lies one level deeper when compiled. */
export function packageVersion(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      const manifest = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string };
      return manifest.version;
    } catch (error) {
      if (folder.pathname === '/') throw error;
    }
  }
}
