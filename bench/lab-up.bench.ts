/** How long 100 hosts on a tree of switches take until they are made, beside Mininet. */
import { HOSTS_PER_LEAF, LEAVES, lab, mininet, mininetObstacle } from './switch-tree/switch-tree.js';

const obstacle = mininetObstacle();

export default {
  title: `${LEAVES * HOSTS_PER_LEAF} hosts and ${LEAVES + 1} switches, made${obstacle === undefined ? '' : ` (${obstacle})`}`,
  unit: 's',
  better: 'lower',
  peer: obstacle === undefined ? 'Mininet' : 'mpip-lab',
  rounds: 3,
  cases: {
    'mpip-lab': async () => (await lab()).up,
    ...(obstacle === undefined && { Mininet: async () => (await mininet()).up }),
  },
};
