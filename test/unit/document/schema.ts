import { z } from 'zod';
import { ipAddress, ipInterface, ipNetwork } from '../../../src/document/address.js';
import { duration, percent, rate, size } from '../../../src/document/quantity.js';

/** A small topology that uses every kind of value. */
export const topology = z.strictObject({
  name: z.string().min(1),
  hosts: z.int().min(1).max(10).optional(),
  'min-delay': z.enum(['windowed', 'all-time']).optional(),
  node: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('host') }),
      z.strictObject({ kind: z.literal('router'), outside: z.string() }),
    ])
    .optional(),
  links: z.record(
    z.string().regex(/^[a-z][a-z0-9]*$/, 'a name is a letter, then letters and digits'),
    z.strictObject({
      ends: z.array(z.string()).length(2),
      rate,
      delay: duration.default(0),
      loss: z
        .union([percent, z.strictObject({ model: z.enum(['bernoulli', 'gilbert-elliott']), mean: percent })])
        .optional(),
      limit: size.optional(),
      subnet: ipNetwork.optional(),
      address: ipInterface.optional(),
      gateway: ipAddress.optional(),
    }),
  ),
});
