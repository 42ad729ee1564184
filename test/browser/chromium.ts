import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The programs themselves: the script that Debian puts before its own changes options. */
const PROGRAMS = [
  '/usr/lib/chromium/chromium',
  '/usr/lib/chromium-browser/chromium-browser',
  '/opt/google/chrome/chrome',
];

export function launchChromium(): Promise<Browser> {
  const executablePath = PROGRAMS.find((path) => existsSync(path)) ?? 'chromium';
  // Its sandbox refuses to run as root.
  return chromium.launch({ executablePath, chromiumSandbox: false, args: ['--disable-dev-shm-usage'] });
}
