/** `node client.js SECONDS PROXY SETUP`: a player in a browser; PROXY is host:port or "" (agent-program.ts, page/player.js, report.ts). */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { begin, finish } from '../agent-program.js';
import { launchChromium, openPage } from '../browser/chromium.js';
import type { PlayerReport, PlayerSetup } from './report.js';

/** As large as the picture is shown: scaling it down costs less than showing all of it. */
const VIEWPORT = { width: 960, height: 540 };
/** Data comes in small pieces: those of so many milliseconds are taken together. */
const RECEIVED_MS = 100;

const require = createRequire(import.meta.url);
const [seconds = '', proxy = '', text = ''] = process.argv.slice(2);
const setup = JSON.parse(text) as PlayerSetup;

const browser = await launchChromium(proxy === '' ? [] : [`--proxy-server=http://${proxy}`]);
process.once('SIGTERM', async () => {
  await browser.close();
  process.exit(1);
});

const tab = await browser.newPage({ viewport: VIEWPORT });
const failed = new Promise<never>((_, reject) => tab.once('pageerror', reject));
failed.catch(() => {});
const bins = new Map<number, number>();
const devtools = await tab.context().newCDPSession(tab);
await devtools.send('Network.enable');

// The page comes from the origin as far as the browser knows, so that it may ask it for media.
const { origin } = new URL(setup.manifest);
await openPage(tab, fileURLToPath(new URL('./page/', import.meta.url)), 'player.html', {
  base: `${origin}/player/`,
  files: { 'dash.js': require.resolve('dashjs') },
});
await tab.evaluate(`player.prepare(${JSON.stringify(setup)})`);

await begin();
devtools.on('Network.dataReceived', ({ dataLength }) => {
  const bin = Math.floor((performance.timeOrigin + performance.now()) / RECEIVED_MS);
  bins.set(bin, (bins.get(bin) ?? 0) + dataLength);
});
await tab.evaluate('player.begin()');
await Promise.race([sleep(Number(seconds) * 1000), failed]);
const report = (await tab.evaluate('player.report()')) as Omit<PlayerReport, 'received' | 'screenshot'>;
const screenshot = await tab.screenshot({ type: 'png' });
const chromium = browser.version();
await browser.close();
finish({
  ...report,
  received: [...bins].map(([bin, bytes]) => [(bin + 0.5) * RECEIVED_MS, bytes]),
  versions: { ...report.versions, chromium },
  screenshot: screenshot.toString('base64'),
} satisfies PlayerReport);
