import { z } from 'zod';
import { expected } from './explain.js';

/** Why a scalar could not be understood, for its reader. */
export class Fault {
  constructor(readonly message: string) {}
}

/** A text or number of a document that means something else. `what` completes "expected ..."; the parser returns what it means. */
export function scalar<T>(what: string, parse: (value: string | number) => T | Fault) {
  return z
    .union([z.string(), z.number()], { error: (issue) => expected(what, issue.input) })
    .transform((value, context): T => {
      const result = parse(value);
      if (!(result instanceof Fault)) return result;
      context.addIssue({ code: 'custom', message: result.message, input: value });
      return z.NEVER;
    });
}
