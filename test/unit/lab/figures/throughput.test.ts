import { expect } from 'chai';
import { compile } from 'vega-lite';
import { renderFigure } from '../../../../lab/figures/render.js';
import { throughputFigure } from '../../../../lab/figures/throughput.js';
import { exampleResult } from '../example-result.js';

const FIGURE = { arms: ['mpip', 'mptcp', 'ip'], workload: 'download' } as const;

/** Texts of an SVG, in order of drawing. */
const textsOf = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text!);

/** Lines drawn for series: their colour, dash and width. */
const linesOf = (svg: string): string[] =>
  [...svg.matchAll(/aria-roledescription="line mark"[^>]*\/?>/g)].map(
    ([mark]) =>
      `${/stroke="([^"]*)"/.exec(mark)?.[1]} ${/stroke-dasharray="([^"]*)"/.exec(mark)?.[1]} ${/stroke-width="([^"]*)"/.exec(mark)?.[1]}`,
  );

describe('figure of throughput over time', () => {
  it('has a panel for each arm with its goodput, MPIP first, and the weights below', async () => {
    const { svg } = await renderFigure(throughputFigure(exampleResult(), FIGURE));
    const titles = textsOf(svg).filter((text) => /goodput|weights|Figure/.test(text));
    expect(titles).to.have.members([
      'Figure 4(a): load balancing of one TCP flow over two paths',
      'MPIP: goodput 55.2 Mbit/s, 99.0 % of the limit (55.8)',
      'MPTCP: goodput 56.1 Mbit/s, 99.4 % of the limit (56.4)',
      'Plain IP on path 1: goodput 38.2 Mbit/s, 99.8 % of the limit (38.3)',
      'MPIP: path weights',
    ]);
  });

  it('marks the capacities and names axes and lines', async () => {
    const { svg } = await renderFigure(throughputFigure(exampleResult(), FIGURE));
    const texts = textsOf(svg);
    expect(texts).to.include.members([
      'path1: 40',
      'path2: 20',
      'sum: 60',
      'Throughput (Mbit/s)',
      'Time (s)',
      'Weight',
    ]);
    expect(
      texts.filter((text) => text === 'total'),
      'one legend',
    ).to.have.length(1);
    expect(texts.filter((text) => text === 'Time (s)')).to.have.length(1);
  });

  it('tells paths and total apart by dash or width too, not by colour alone', async () => {
    const { svg } = await renderFigure(throughputFigure(exampleResult(), FIGURE));
    const styles = new Set(linesOf(svg));
    expect(styles.size).to.equal(3);
    const withoutColour = new Set([...styles].map((style) => style.replace(/^\S+ /, '')));
    expect(withoutColour.size).to.equal(3);
  });

  it('leaves out arms that did not run, and the weights without MPIP', async () => {
    const document = exampleResult();
    delete document.arms.mpip;
    const { svg } = await renderFigure(throughputFigure(document, FIGURE));
    expect(textsOf(svg).filter((text) => /^MPIP/.test(text))).to.deep.equal([]);
    expect(textsOf(svg)).to.include('Time (s)');
  });

  it('is a specification that vega-lite has no complaint about', () => {
    const complaints: unknown[][] = [];
    const note = (...complaint: readonly unknown[]) => {
      complaints.push([...complaint]);
      return logger;
    };
    const logger = { level: () => logger, error: note, warn: note, info: () => logger, debug: () => logger };
    compile(throughputFigure(exampleResult(), FIGURE), { logger: logger as never });
    expect(complaints).to.deep.equal([]);
  });

  it('renders to a PNG of twice the size', async () => {
    const { svg, png } = await renderFigure(throughputFigure(exampleResult(), FIGURE));
    const width = Number(/<svg[^>]* width="([\d.]+)"/.exec(svg)?.[1]);
    expect([...png.slice(1, 4)].map((byte) => String.fromCharCode(byte)).join('')).to.equal('PNG');
    expect(Buffer.from(png).readUInt32BE(16)).to.be.closeTo(2 * width, 2);
    expect(width, 'nothing is wider than the plots and their labels').to.be.within(800, 920);
  });
});
