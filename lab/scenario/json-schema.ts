/** The grammar of scenarios as a JSON Schema (draft 2020-12), for editors. */
import { type JsonSchema, jsonSchemaOf } from '../topology/json-schema.js';
import { preludeSchema, scenarioSchema } from './schema.js';

const TITLE = 'Scenario of mpip-lab';

const WITH_PARAMETER = '\\$\\{[^}]*\\}';
/** A text with a parameter in it, which stands for a value of any kind. */
const PARAMETER: JsonSchema = { type: 'string', pattern: WITH_PARAMETER };

export function scenarioJsonSchema(): JsonSchema {
  const { $schema, ...schema } = jsonSchemaOf(scenarioSchema);
  const { matrix } = jsonSchemaOf(preludeSchema).properties ?? {};
  const { properties, ...rest } = withParameters(schema) as JsonSchema;
  return { $schema, title: TITLE, ...rest, properties: { ...properties, matrix } } as JsonSchema;
}

/** The same schema with a parameter allowed wherever a value stands that is no text of any form, and as a key. */
function withParameters(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withParameters);
  if (typeof schema !== 'object' || schema === null) return schema;
  const visited = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      // A parameter in place of what tells alternatives apart fits several of them.
      key === 'oneOf' ? 'anyOf' : key,
      key === 'propertyNames' ? value : withParameters(value),
    ]),
  );
  if (isLeaf(visited)) return { anyOf: [visited, PARAMETER] };
  if (visited.type !== 'object' || visited.additionalProperties !== false) return visited;
  return { ...visited, patternProperties: { ...(visited.patternProperties ?? {}), [WITH_PARAMETER]: {} } };
}

/** What a text with a parameter would not fit: a number, a truth value, one of a few words. */
function isLeaf(schema: Readonly<Record<string, unknown>>): boolean {
  const { type } = schema;
  if (type === 'number' || type === 'integer' || type === 'boolean') return true;
  return type === 'string' && ('enum' in schema || 'const' in schema || 'pattern' in schema);
}
