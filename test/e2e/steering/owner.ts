/** Steers the destinations of its arguments into mpip0 and stays until it is killed. Prints "ready". */
import { Netlink } from '../../../src/host/netlink/netlink.js';
import { STEERING_DEFAULTS, Steering } from '../../../src/host/steering/steering.js';

const [stateDirectory, ...destinations] = process.argv.slice(2);
const netlink = new Netlink();
const tun = netlink.links().find((link) => link.name === 'mpip0');
if (tun === undefined) throw new Error('there is no mpip0');
const steering = new Steering({
  ...STEERING_DEFAULTS,
  netlink,
  tunIndex: tun.index,
  tunName: tun.name,
  stateDirectory,
});
steering.prepare(['eth0']);
for (const destination of destinations) steering.steer(destination, 1400);
console.log('ready');
// Until the test is gone.
process.stdin.resume().once('end', () => process.exit(1));
