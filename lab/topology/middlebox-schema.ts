/** The grammar of what routers do to packets besides forwarding them: NAT and firewalls. */
import { z } from 'zod';
import { describe } from '../../src/document/explain.js';
import { duration } from '../../src/document/quantity.js';
import { Fault, scalar } from '../../src/document/scalar.js';
import type { FlowMatch } from './topology.js';

const PORT_MAX = 65_535;
/** Conntrack counts whole seconds. */
const LIFETIME_STEP_US = 1_000_000;

const port = z.int().min(1).max(PORT_MAX);

const lifetime = duration.refine((us) => us >= LIFETIME_STEP_US && us % LIFETIME_STEP_US === 0, {
  error: 'must be whole seconds, at least 1s: so connections are tracked',
});

const forward = z.strictObject({
  proto: z.enum(['udp', 'tcp']),
  port,
  to: z.string(),
  toPort: port.optional(),
});

export const natSchema = z.strictObject({
  type: z.enum(['full-cone', 'address-restricted', 'port-restricted', 'symmetric']),
  outside: z.string(),
  forward: z.array(forward).optional(),
  lifetime: lifetime.optional(),
});

const FLOW = 'a kind of traffic such as udp, tcp/443 or udp/5000-5999';
const PROTOCOLS: readonly FlowMatch['protocol'][] = ['udp', 'tcp', 'icmp'];

const flow = scalar(FLOW, (value): FlowMatch | Fault => {
  const [, name = '', ports] = /^(\w+)(?:\/(.*))?$/.exec(String(value).trim()) ?? [];
  const protocol = PROTOCOLS.find((known) => known === name.toLowerCase());
  if (protocol === undefined) {
    return new Fault(`${describe(value)} is not ${FLOW} (protocols: ${PROTOCOLS.join(', ')})`);
  }
  if (ports === undefined) return { protocol, ports: null };
  if (protocol === 'icmp') return new Fault(`${describe(value)} has a port; icmp has none`);
  const [, from = '', to = from] = /^(\d+)(?:-(\d+))?$/.exec(ports) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === '' || first < 1 || last > PORT_MAX) {
    return new Fault(`${describe(value)} has no port from 1 to ${PORT_MAX} after its protocol`);
  }
  if (last < first) return new Fault(`${describe(value)} has its ports the wrong way round; write ${last}-${first}`);
  return { protocol, ports: [first, last] };
});

const flows = z.union([flow.transform((one) => [one]), z.array(flow).min(1)]) as z.ZodType<FlowMatch[]>;

export const firewallSchema = z.strictObject({
  block: flows.optional(),
  allow: flows.optional(),
  stateful: z.boolean().optional(),
});
