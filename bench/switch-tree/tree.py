"""A tree of switches by Mininet's API: `tree.py LEAVES HOSTS_PER_LEAF` prints {"up": s, "down": s}."""
import json
import sys
import time

import mininet.net
from mininet.nodelib import LinuxBridge
from mininet.topo import Topo

# It sets limits of the whole machine, which are not part of what is measured.
mininet.net.fixLimits = lambda: None


class Tree(Topo):
    def build(self, leaves, hosts_per_leaf):
        root = self.addSwitch("s0")
        for leaf in range(leaves):
            switch = self.addSwitch(f"s{leaf + 1}")
            self.addLink(root, switch)
            for host in range(hosts_per_leaf):
                self.addLink(switch, self.addHost(f"h{leaf * hosts_per_leaf + host}"))


leaves, hosts_per_leaf = (int(word) for word in sys.argv[1:])
start = time.monotonic()
net = mininet.net.Mininet(topo=Tree(leaves, hosts_per_leaf), switch=LinuxBridge, controller=None)
net.start()
up = time.monotonic()
answer = net.get("h0").cmd(f"ping -n -c 1 -W 2 {net.get(f'h{leaves * hosts_per_leaf - 1}').IP()}")
if " 1 received" not in answer:
    sys.exit(f"the tree carries no packets:\n{answer}")
begin = time.monotonic()
net.stop()
print(json.dumps({"up": up - start, "down": time.monotonic() - begin}))
