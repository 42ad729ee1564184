import type { Suite } from 'mocha';

/** Skips a suite whose tests make network namespaces where that is not allowed. */
export function needsRoot(suite: Suite): void {
  suite.timeout(30_000);
  suite.beforeAll(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
}
