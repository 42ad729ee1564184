/**
 * NAT and firewall of a node in the words of nft(8); pure.
 *
 * The kernel's own source NAT keeps a port where it can, but lets two inside endpoints share an outside port towards different
 * destinations, and what may come in depends on the whole connection. RFC 4787 wants a mapping that belongs to one endpoint and
 * a choice of who may use it. So the mappings of the three cone types are sets here, filled by the packets that leave:
 *
 * - `mapped`: inside endpoint to outside endpoint. The second destination gets the mapping of the first (REQ-1).
 * - `inside`: the reverse, for packets that belong to no connection yet. Full-cone looks there at once, address-restricted only
 *   when the sender's address is in `asked`, port-restricted never: the kernel's connections are its filter (REQ-8).
 * - `ports`, `owned`: outside ports in use, and whose they are. A new mapping takes the inside port if that is free, else a
 *   random one. What the kernel chose nevertheless and is somebody else's already is dropped before its connection is
 *   confirmed, so that the next attempt chooses anew: no two endpoints share a port (REQ-3).
 *
 * Mappings live on with what leaves (REQ-6); connections with packets of both directions. Symmetric NAT is the kernel's alone:
 * a random port for each connection.
 */
import type { PlannedNat, PlannedNode } from '../../plan/plan.js';
import type { Firewall, FlowMatch } from '../../topology/topology.js';
import type { BackendCommand } from '../backend.js';
import { namespaceName } from './commands.js';

/** Endpoints that one NAT maps at a time: as many as it has ports of a protocol. */
const MAPPINGS = 2 * 65_536;
/** Pairs of mapping and remote address. */
const ASKED = 8 * 65_536;
const PROTOCOLS = ['udp', 'tcp'] as const;

/** undefined for a node without NAT and firewall. */
export function loadRuleset(lab: string, { name, nat, firewall }: PlannedNode): BackendCommand | undefined {
  const input = [...(nat === null ? [] : natTable(nat)), ...(firewall === null ? [] : firewallTable(firewall))];
  if (input.length === 0) return undefined;
  return { command: ['ip', 'netns', 'exec', namespaceName(lab, name), 'nft', '-f', '-'], input };
}

function natTable(nat: PlannedNat): string[] {
  const cone = nat.type !== 'symmetric';
  const out = `oifname ${nat.outside}`;
  const toUs = `iifname ${nat.outside} ip daddr { ${nat.addresses.join(', ')} }`;
  return [
    'table ip mpip_nat {',
    ...set('map', 'forwards', 'inet_proto . inet_service : ipv4_addr . inet_service', forwardElements(nat)),
    ...(cone ? mappingSets(nat) : []),
    ...chain('prerouting', 'type nat hook prerouting priority dstnat', [
      `${toUs} dnat ip to meta l4proto . th dport map @forwards`,
      ...inbound(nat).map((rule) => `${toUs} ${rule}`),
    ]),
    ...chain('postrouting', 'type nat hook postrouting priority srcnat', [
      ...(cone
        ? [
            `${out} snat ip to ip saddr . meta l4proto . th sport map @mapped`,
            `${out} meta l4proto { tcp, udp } meta l4proto . th sport @ports masquerade to :1024-65535 fully-random`,
            `${out} masquerade`,
          ]
        : [`${out} masquerade fully-random`]),
    ]),
    ...(cone
      ? chain('learn', 'type filter hook postrouting priority srcnat + 10', [
          ...PROTOCOLS.flatMap((protocol) => learn(nat, protocol)).map((rule) => `${out} ${rule}`),
        ])
      : []),
    // What is for nobody gets no answer (RFC 5382, REQ-4): an answer would end connections that both sides are opening.
    ...chain('input', 'type filter hook input priority filter', [
      `iifname ${nat.outside} meta l4proto { tcp, udp } ct state new,invalid drop`,
    ]),
    ...chain('forward', 'type filter hook forward priority filter', [
      `iifname ${nat.outside} ct state new ct status & dnat == 0 drop`,
      // Cannot be translated, and inside addresses do not leave.
      `${out} ct state invalid drop`,
    ]),
    '}',
  ];
}

/** Which packets without a connection come in. */
function inbound({ type }: PlannedNat): string[] {
  const rule = 'dnat ip to meta l4proto . th dport map @inside';
  switch (type) {
    case 'full-cone':
      return [rule];
    case 'address-restricted':
      return [`meta l4proto . th dport . ip saddr @asked ${rule}`];
    case 'port-restricted':
    case 'symmetric':
      return [];
  }
}

/** What a packet that leaves tells about its mapping. Its source is the outside endpoint already; the connection knows the inside one. */
function learn({ type, lifetimeS }: PlannedNat, protocol: 'udp' | 'tcp'): string[] {
  const timeout = `timeout ${lifetimeS[protocol]}s`;
  const outside = `meta l4proto . ${protocol} sport`;
  return (['original', 'reply'] as const).flatMap((direction) => {
    const address = `ct ${direction} ip saddr`;
    const port = `ct ${direction} proto-src`;
    const rules = [
      ...(direction === 'original' ? [`${outside} @ports ${outside} . ${address} . ${port} != @owned drop`] : []),
      `update @mapped { ${address} . meta l4proto . ${port} ${timeout} : ip saddr . ${protocol} sport }`,
      `update @inside { ${outside} ${timeout} : ${address} . ${port} }`,
      `update @ports { ${outside} ${timeout} }`,
      `update @owned { ${outside} . ${address} . ${port} ${timeout} }`,
      ...(type === 'address-restricted' ? [`update @asked { ${outside} . ip daddr ${timeout} }`] : []),
    ];
    return rules.map((rule) => `meta l4proto ${protocol} ct direction ${direction} ${rule}`);
  });
}

/** With forwards as mappings that do not end, so that a forwarded port is nobody else's and answers come from it. */
function mappingSets(nat: PlannedNat): string[] {
  const first = nat.forwards.filter(
    (own, index, all) => all.findIndex((other) => insideEnd(other) === insideEnd(own)) === index,
  );
  const mapped = first.map((own) => {
    const outside = `${nat.addresses[0]} . ${own.port}`;
    return `${own.address} . ${own.protocol} . ${own.toPort} : ${outside}`;
  });
  const outside = nat.forwards.map(({ protocol, port }) => `${protocol} . ${port}`);
  const owned = nat.forwards.map((own) => `${own.protocol} . ${own.port} . ${own.address} . ${own.toPort}`);
  const dynamic = ['flags dynamic, timeout', `size ${MAPPINGS}`];
  return [
    ...set('map', 'mapped', 'ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service', mapped, dynamic),
    ...set('map', 'inside', 'inet_proto . inet_service : ipv4_addr . inet_service', [], dynamic),
    ...set('set', 'ports', 'inet_proto . inet_service', outside, dynamic),
    ...set('set', 'owned', 'inet_proto . inet_service . ipv4_addr . inet_service', owned, dynamic),
    ...(nat.type === 'address-restricted'
      ? set('set', 'asked', 'inet_proto . inet_service . ipv4_addr', [], ['flags dynamic, timeout', `size ${ASKED}`])
      : []),
  ];
}

function forwardElements({ forwards }: PlannedNat): string[] {
  return forwards.map(({ protocol, port, address, toPort }) => `${protocol} . ${port} : ${address} . ${toPort}`);
}

function insideEnd({ protocol, address, toPort }: PlannedNat['forwards'][0]): string {
  return `${protocol} ${address} ${toPort}`;
}

function firewallTable({ block, allow, stateful }: Firewall): string[] {
  return [
    'table inet mpip_firewall {',
    ...chain('forward', 'type filter hook forward priority filter - 10', [
      ...(stateful ? ['ct state invalid drop'] : []),
      ...allow.flatMap((flow) => matches(flow).map((match) => `${match} accept`)),
      ...block.flatMap((flow) => matches(flow).map((match) => `${match} drop`)),
    ]),
    '}',
  ];
}

function matches({ protocol, ports }: FlowMatch): string[] {
  if (protocol === 'icmp') return ['meta l4proto { icmp, ipv6-icmp }'];
  if (ports === null) return [`meta l4proto ${protocol}`];
  const range = ports[0] === ports[1] ? String(ports[0]) : ports.join('-');
  return ['sport', 'dport'].map((end) => `${protocol} ${end} ${range}`);
}

function set(
  kind: 'set' | 'map',
  name: string,
  type: string,
  elements: readonly string[],
  properties: readonly string[] = [],
): string[] {
  return [
    `  ${kind} ${name} {`,
    `    type ${type}`,
    ...properties.map((property) => `    ${property}`),
    ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(', ')} }`]),
    '  }',
  ];
}

function chain(name: string, hook: string, rules: readonly string[]): string[] {
  return [`  chain ${name} {`, `    ${hook}; policy accept;`, ...rules.map((rule) => `    ${rule}`), '  }'];
}
