/** What mpipd changes on a host, as lines that can be compared. */
import type { Lab } from '../../../lab/lab.js';

/** Rules, routes, devices and kernel settings of a node, without hardware addresses and what comes of them: they are random. */
const SHOW = `
for f in 4 6; do ip -$f rule; ip -$f route show table all; ip -$f -brief address; done
ip -o link
sysctl -a --pattern '^net\\.' 2>/dev/null
`;
export async function hostState(lab: Lab, node: string): Promise<string[]> {
  const { stdout } = await lab.node(node).exec(['sh', '-c', SHOW]);
  const lines = stdout.split('\n').map((line) => line.replace(/link\/ether \S+|@if\d+|link-netns \S+|\s+$/g, ''));
  return lines.filter((line) => line !== '' && !line.includes('fe80::')).sort();
}
