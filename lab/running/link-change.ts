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
  .transform(({ carrier, at, rate: rateBps, limit, from }, context): LinkChange => {
    const change = {
      ...(carrier !== undefined && { carrier }),
      ...(at !== undefined && { at }),
      ...(rateBps !== undefined && { rateBps }),
      ...(limit !== undefined && { limit }),
      ...(from !== undefined && { from }),
    };
    if (Object.keys(change).length > 0 || context.issues.length > 0) return change;
    context.addIssue({ code: 'custom', message: 'changes nothing; for example { carrier: down }', input: change });
    return z.NEVER;
  });
