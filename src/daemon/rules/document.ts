import { z } from 'zod';
import { parseDocument, readDocument } from '../../document/document.js';
import { definitionOf, type RuleDefinition, ruleSchema, rulesSchema } from './schema.js';

const ruleFile = z.strictObject({ rules: rulesSchema });

/** Reads a file that holds `rules:`. Throws DocumentError. */
export async function readRuleFile(file: string): Promise<RuleDefinition[]> {
  return (await readDocument(ruleFile, file)).rules.map(definitionOf);
}

/** Checks one rule in YAML; `name` is what messages call the text. Throws DocumentError. */
export function parseRule(text: string, name: string): RuleDefinition {
  return definitionOf(parseDocument(ruleSchema, text, name));
}
