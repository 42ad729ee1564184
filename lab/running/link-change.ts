/** Changes of links as documents write them: `{ carrier: down, at: b }`, `{ rate: 10mbit, limit: 50ms, from: a }`. */
import { z } from 'zod';
import { rate } from '../../src/document/quantity.js';
import { queueLimit } from '../topology/schema.js';
import type { LinkChange } from './link.js';

export const linkChange = z
  .strictObject({
    carrier: z.enum(['up', 'down']).optional(),
    at: z.string().optional(),
    rate: rate.optional(),
    limit: queueLimit.optional(),
    from: z.string().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, { error: 'changes nothing; for example { carrier: down }' })
  .transform(
    ({ carrier, at, rate: rateBps, limit, from }): LinkChange => ({
      ...(carrier !== undefined && { carrier }),
      ...(at !== undefined && { at }),
      ...(rateBps !== undefined && { rateBps }),
      ...(limit !== undefined && { limit }),
      ...(from !== undefined && { from }),
    }),
  );
