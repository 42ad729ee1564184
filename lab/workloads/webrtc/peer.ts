/** `node peer.js SOCKET SECONDS SETUP`: one side of a call, in a browser of its own (agent-program.ts, page/call.js, report.ts). */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { begin, finish } from '../agent-program.js';
import { launchChromium, openPage } from '../browser/chromium.js';
import type { PeerReport, PeerSetup } from './report.js';

const VIEWPORT = { width: 1280, height: 720 };

const [socketPath = '', seconds = '', text = ''] = process.argv.slice(2);
const { file, ...setup } = JSON.parse(text) as PeerSetup;

const browser = await launchChromium([
  '--use-fake-ui-for-media-stream',
  `--use-fake-device-for-media-stream=fps=${setup.video.fps}`,
  ...(file === null ? [] : [`--use-file-for-fake-video-capture=${file}`]),
  // Addresses of the lab are no secret; names for them would need multicast between the nodes.
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]);
process.once('SIGTERM', async () => {
  await browser.close();
  process.exit(1);
});

const tab = await browser.newPage({ viewport: VIEWPORT });
const failed = new Promise<never>((_, reject) => tab.once('pageerror', reject));
const signalling = connect(socketPath);
await once(signalling, 'connect');
await tab.exposeFunction('signal', (message: unknown) => void signalling.write(`${JSON.stringify(message)}\n`));
await openPage(tab, fileURLToPath(new URL('./page/', import.meta.url)), 'call.html');
await tab.evaluate(`call.prepare(${JSON.stringify(setup)})`);

await begin();
// Candidates are for the description that came before them.
let received: Promise<unknown> = Promise.resolve();
const misheard = new Promise<never>((_, reject) => {
  createInterface({ input: signalling }).on('line', (line) => {
    received = received.then(() => tab.evaluate(`call.receive(${line})`)).catch(reject);
  });
});
await tab.evaluate('call.begin()');
await Promise.race([sleep(Number(seconds) * 1000), failed, misheard]);
const report = await tab.evaluate('call.report()');
const screenshot = await tab.screenshot({ type: 'png' });
const version = browser.version();
await browser.close();
finish({ ...(report as object), version, screenshot: screenshot.toString('base64') } as PeerReport);
