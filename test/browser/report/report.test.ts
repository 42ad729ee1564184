import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { execa } from 'execa';
import type { Browser, Locator, Page } from 'playwright-core';
import { launchChromium } from '../../../lab/workloads/browser/chromium.js';
import { HOSTILE, storeBroken, storeExamples } from './results.js';

const MPIP_LAB = fileURLToPath(new URL('../../../lab/cli/main.ts', import.meta.url));
const LAYOUT = readFileSync(new URL('./page/layout.js', import.meta.url), 'utf8');
const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1280, height: 900 };
/** A4 less margins of 15 mm, at 96 pixels to the inch. */
const SHEET = { width: 680, height: 1009 };
/** WCAG 2.2, 1.4.3: text on its background. */
const LEAST_CONTRAST = 4.5;

describe('the report in a browser', () => {
  const directory = mkdtempSync(join(tmpdir(), 'mpip-report-test-'));
  const root = join(directory, 'results');
  const file = join(root, 'report.html');
  const requests: string[] = [];
  const complaints: string[] = [];
  let broken: [file: string, reason: string][];
  let stderr: string;
  let browser: Browser;
  let page: Page;

  before(async function () {
    this.timeout(180_000);
    storeExamples(root);
    broken = storeBroken(root);
    const made = await execa(process.execPath, ['--import', 'tsx', MPIP_LAB, 'report', '--results', root]);
    stderr = made.stderr;
    browser = await launchChromium([]);
    page = await browser.newPage({ viewport: DESKTOP });
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    await page.goto(pathToFileURL(file).href);
    await page.evaluate(LAYOUT);
  });

  beforeEach(async () => {
    await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
    await page.setViewportSize(DESKTOP);
    await openAll(true);
  });

  after(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const openAll = (open: boolean): Promise<void> => page.evaluate(`layout.openAll(${open})`);
  const leastContrast = (): Promise<{ ratio: number; text: string }> => page.evaluate('layout.leastContrast()');
  const background = (): Promise<number> => page.evaluate('layout.background()');
  const section = (name: string) => page.locator('main > section', { has: page.locator('h2', { hasText: name }) });

  it('fetches nothing but itself: figures are inside, and all of them are drawn', async () => {
    expect(requests.filter((url) => !url.startsWith('data:'))).to.deep.equal([pathToFileURL(file).href]);
    expect(complaints).to.deep.equal([]);
    const images: number[] = await page.evaluate('layout.imageWidths()');
    expect(images).to.have.length(6);
    for (const width of images) expect(width).to.equal(868);
  });

  it('shows the newest run of an experiment, and the older ones below it when they are opened', async () => {
    await openAll(false);
    const times = section('fig4a').locator('h3 time');
    expect(await times.allTextContents()).to.deep.equal(['2026-11-25 06:20:00 UTC', '2026-11-24 06:20:00 UTC']);
    const older = section('fig4a').locator('details');
    expect(await older.locator('img').isVisible()).to.equal(false);
    await older.locator('summary').click();
    expect(await older.locator('img').isVisible()).to.equal(true);
  });

  it('leads from the overview to each experiment, and tells whether the claims of its newest run hold', async () => {
    const row = page.locator('header tbody tr', { hasText: 'fig4a' });
    expect(await textOf(row))
      .to.include('its claim holds')
      .and.include('2026-11-25');
    await row.getByRole('link').click();
    expect(await section('fig4a').locator('h2').isVisible()).to.equal(true);
    expect(new URL(page.url()).hash).to.equal(`#${await section('fig4a').getAttribute('id')}`);
    const sweep = page.locator('header tbody tr', { hasText: 'a sweep' });
    expect(await textOf(sweep)).to.include('2 of 4 claims fail, 2 not checked');
  });

  it('has claims, metrics, topology, links, calibration, parameters, machine and versions of a run', async () => {
    const text = await textOf(section('fig4a').locator('article'));
    for (const part of [
      /holds\s+mpip\.download\.goodput >= 95% \* limit\s+55\.20 Mbit\/s against 52\.97 Mbit\/s/,
      /download\.goodput\s+38\.20 Mbit\/s\s+55\.20 Mbit\/s\s+56\.10 Mbit\/s/,
      /path1\s+40\.00 Mbit\/s\s+10\.0 ms\s+1500 bytes\s+250000 bytes\s+relay/,
      /path1\s+a → b\s+MPIP\s+40\.02 Mbit\/s\s+10\.0 ms\s+10\.1 ms/,
      /congestion control\s+CUBIC/,
      /Example CPU, 2 cores/,
      /Linux 6\.18\.0/,
      /iperf3\s+3\.12/,
    ]) {
      expect(text).to.match(part);
    }
    expect(await section('fig4a').locator('article img[alt^="Topology"]').count()).to.equal(1);
  });

  it('has a table over all combinations of a sweep, each row a link to its figures', async () => {
    const table = section('sweep').locator('table', { hasText: 'All combinations' });
    expect(await table.locator('tbody tr').count()).to.equal(12);
    const [first] = await table.locator('tbody tr').allInnerTexts();
    expect(first).to.match(/rate=5mbit\s+Arm number 0 .*\s+55\.20 Mbit\/s/);
    await table.getByRole('link').last().click();
    expect(await page.locator(':target h3').textContent()).to.include('rate=10mbit');
  });

  it('shows text from a result as text, whatever is in it', async () => {
    expect(await section('hacked').locator('h2').textContent()).to.equal(HOSTILE);
    expect(await page.evaluate("'hacked' in globalThis")).to.equal(false);
    expect(
      await page.locator('script, iframe, object, embed, link, base, main svg, [onload], [onerror]').count(),
    ).to.equal(0);
    expect(await page.locator('img:not([src^="data:image/svg+xml;base64,"])').count()).to.equal(0);
  });

  it('names what is no result on the page and on stderr, and shows the rest', async () => {
    const rows = await page.locator('#not-read tbody tr').allInnerTexts();
    expect(rows).to.have.length(broken.length);
    for (const [name, reason] of broken) {
      expect(
        rows.some((row) => row.includes(name) && row.includes(reason)),
        `${name} in ${rows.join('\n')}`,
      ).to.equal(true);
      const line = stderr.split('\n').find((own) => own.includes(name));
      expect(line, stderr).to.include('not read:').and.include(reason);
    }
    expect(stderr).to.not.include('\u001b');
    expect(await section('fig4a').count()).to.equal(1);
  });

  it('reads on a phone: the page is no wider than the screen, and text in figures keeps its size', async () => {
    await page.setViewportSize(PHONE);
    expect(await page.evaluate('layout.tooWide()')).to.deep.equal([]);
    const boxes = await Promise.all((await page.locator('img').all()).map((image) => image.boundingBox()));
    // Figures have text of 11 pixels, so it is shown at 8 at least.
    for (const box of boxes) expect(box!.width).to.be.at.least((868 * 8) / 11);
    const figure = section('fig4a').locator('article .scroll').first();
    await figure.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowRight');
    // Scrolling takes a few frames; the test's own time limit ends the waiting.
    let scrolled = 0;
    while (scrolled === 0) scrolled = await page.evaluate('document.activeElement.scrollLeft');
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has text that stands out from its background in the ${colorScheme} scheme`, async () => {
      await page.emulateMedia({ media: 'screen', colorScheme });
      const { ratio, text } = await leastContrast();
      expect(ratio, text).to.be.at.least(LEAST_CONTRAST);
      expect((await background()) < 0.5).to.equal(colorScheme === 'dark');
    });
  }

  it('tells claims apart without colour: by word and sign', async () => {
    const texts = await page.locator('.badge').allInnerTexts();
    for (const outcome of ['pass', 'fail', 'none']) {
      const own = await page.locator(`.badge.${outcome}`).allInnerTexts();
      const sign = { pass: '✓', fail: '✗', none: '–' }[outcome]!;
      expect(own).to.not.deep.equal([]);
      for (const text of own) expect(text).to.match(new RegExp(`^${sign} .`));
      expect(texts.filter((text) => text.startsWith(sign))).to.have.members(own);
    }
  });

  it('prints on white whatever the scheme of the screen, with nothing cut off at the side of the sheet', async () => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.setViewportSize(SHEET);
    expect(await page.evaluate('layout.tooWide()')).to.deep.equal([]);
    expect(await page.evaluate('layout.cutOff()')).to.deep.equal([]);
    expect(await background()).to.equal(1);
    const { ratio, text } = await leastContrast();
    expect(ratio, text).to.be.at.least(LEAST_CONTRAST);
    expect(String(await page.pdf({ format: 'A4' })).slice(0, 5)).to.equal('%PDF-');
  });
});

/** As a reader sees it, cells of tables apart. */
async function textOf(locator: Locator): Promise<string> {
  return (await locator.allInnerTexts()).join('\n');
}
