/** Chromium in a node, driven by Playwright: for programs that run inside nodes. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from '../../doctor/machine.js';
import { LabMachineError } from '../../error.js';

/**
 * Debian's package puts a script before the program, which changes options and environment and stands between Playwright and the
 * browser's process; elsewhere the program has its own name in the search path.
 */
const PROGRAMS = [
  '/usr/lib/chromium/chromium',
  '/usr/lib/chromium-browser/chromium-browser',
  '/opt/google/chrome/chrome',
];

/** localhost is a secure context, which cameras need; nothing listens there. */
const LOCALHOST = 'http://localhost/';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Files that all pages may ask for. */
const SHARED: Readonly<Record<string, string>> = {
  'screen.css': fileURLToPath(new URL('./screen.css', import.meta.url)),
};

function chromiumPath(): string | undefined {
  return PROGRAMS.find((path) => existsSync(path)) ?? findProgram('chromium');
}

/** A browser without a window. Playwright's temporary folders, the profile among them, are in TMPDIR. Throws LabMachineError. */
export async function launchChromium(options: readonly string[]): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined)
    throw new LabMachineError('chromium is not installed; run: apt-get install chromium');
  return chromium.launch({
    executablePath,
    // Its sandbox refuses to run as root, which labs need.
    chromiumSandbox: false,
    // The program that it belongs to ends it.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
    args: ['--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required', ...options],
  });
}

export interface PageOptions {
  /** Where the browser takes the page from, as it thinks; with a slash at its end. */
  readonly base?: string;
  /** Files from elsewhere, by their names in the page. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Opens a page of ours: `file` of `directory`, which also answers all that it asks of below its own base. */
export async function openPage(
  page: Page,
  directory: string,
  file: string,
  { base = LOCALHOST, files = {} }: PageOptions = {},
): Promise<void> {
  await page.route(`${base}**`, async (route) => {
    const name = route.request().url().slice(base.length);
    const body = await readFile(files[name] ?? SHARED[name] ?? join(directory, name)).catch(() => null);
    if (body === null) await route.fulfill({ status: 404, body: '' });
    else await route.fulfill({ body, contentType: CONTENT_TYPES[extname(name)] ?? 'application/octet-stream' });
  });
  await page.goto(`${base}${file}`);
}
