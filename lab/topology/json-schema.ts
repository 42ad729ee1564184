/** The grammar of topologies as a JSON Schema (draft 2020-12), for editors: what may stand where, before anything is run. */
import { z } from 'zod';
import { mpipSettings } from '../../src/daemon/api.js';
import { directionSchema, linkSchema, mpip, topologySchema } from './schema.js';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

const TITLE = 'Topology of mpip-lab';

export function topologyJsonSchema(): JsonSchema {
  const { $schema, ...schema } = jsonSchemaOf(topologySchema);
  return { $schema, title: TITLE, ...schema } as JsonSchema;
}

/** What a document may hold by one of the schemas of topologies, or one that contains them. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema: own, jsonSchema }) => {
      const zodSchema: z.core.$ZodType = own;
      // What these check by hand is told by hand.
      if (zodSchema === linkSchema) {
        jsonSchema.additionalProperties = false;
        jsonSchema.patternProperties = { '->': partOf(directionSchema) };
      } else if (zodSchema === mpip) Object.assign(jsonSchema, { propertyNames: undefined }, partOf(mpipSettings));
    },
  });
}

function partOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...part } = jsonSchemaOf(schema);
  return part;
}
