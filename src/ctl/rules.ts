import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ControlClient, parseRule, type RuleDefinition, type RuleListing, readRuleFile } from '../daemon/api.js';

/** How a command of mpipctl asks a daemon and shows what it says. */
export type AskRules<O> = (options: O, ask: (client: ControlClient) => Promise<RuleListing[]>) => Promise<void>;

/** Options that stand for keys of a rule; the words of a list are separated by commas. */
const FIELD_OPTIONS: readonly (readonly [flags: string, about: string])[] = [
  ['--name <name>', 'what the rule is called'],
  ['--destination <network>', 'address or network that packets go to'],
  ['--port <ports>', 'destination port, or from-to'],
  ['--source-port <ports>', 'source port, or from-to'],
  ['--protocol <protocol>', 'tcp or udp'],
  ['--length <bytes>', 'length of the IP packet, from-to'],
  ['--dscp <class>', '0 to 63, or a class such as ef'],
  ['--pure-ack', 'TCP acknowledgements without data'],
  ['--priority <priority>', 'throughput or responsiveness'],
  ['--mode <mode>', 'all-paths, selected-paths, single-path or protected-path'],
  ['--paths <names>', 'paths that the configuration calls so'],
  ['--interfaces <names>', 'paths from these interfaces'],
  ['--addresses <addresses>', 'paths from or to these addresses'],
  ['--rtt-below <duration>', 'paths with a shorter round trip'],
  ['--loss-below <percent>', 'paths that lose less'],
  ['--metered <yes-or-no>', 'paths that are metered, or those that are not'],
  ['--backup <yes-or-no>', 'backup paths, or the others'],
  ['--copies <count>', 'protected-path: paths that a packet is sent on'],
  ['--reorder <on-or-off>', 'whether packets that arrive wait for those before them'],
  ['--hold-limit <duration>', 'how long they wait at most'],
];

/** Options of the selector, with its keys. */
const PATH_KEYS: ReadonlyMap<string, string> = new Map([
  ['paths', 'names'],
  ...['interfaces', 'addresses', 'rtt-below', 'loss-below', 'metered', 'backup'].map((key): [string, string] => [
    key,
    key,
  ]),
]);
const LIST_KEYS: ReadonlySet<string> = new Set(['paths', 'interfaces', 'addresses']);
const FLAG_KEYS: ReadonlySet<string> = new Set(['metered', 'backup']);
const FLAGS: ReadonlyMap<unknown, boolean> = new Map([
  ['yes', true],
  ['no', false],
]);
const NUMBER_KEYS: ReadonlySet<string> = new Set(['copies']);

interface CommandOptions {
  readonly [name: string]: unknown;
}

/**
 * Adds `list`, `add`, `remove` and `load` to `rules`.
 * @param add makes a subcommand with the options that all have
 */
export function addRulesCommands<O extends CommandOptions>(
  rules: Command,
  add: (parent: Command, name: string, about: string) => Command,
  ask: AskRules<O>,
): void {
  add(rules, 'list', 'rules in their order, and how many packets took each').action((options: O) =>
    ask(options, (client) => client.rules()),
  );

  const adding = add(rules, 'add', 'adds a rule at the end, or in front of another')
    .argument('[rule]', "in YAML, such as '{ port: 22, protocol: tcp, priority: responsiveness }'")
    .option('--before <name>', 'the rule in front of which it goes');
  for (const [flags, about] of FIELD_OPTIONS) adding.addOption(new Option(flags, about));
  adding.action((text: string | undefined, options: O) => {
    const rule = parseRule(ruleText(text, fieldsOf(options)), 'rule');
    return ask(options, (client) => client.addRule(rule, options.before as string | undefined));
  });

  add(rules, 'remove', 'removes a rule')
    .argument('<name>')
    .action((name: string, options: O) => ask(options, (client) => client.removeRule(name)));

  add(rules, 'load', 'puts the rules of a file in place of all that there are')
    .argument('<file>', 'YAML with a list under rules:')
    .action(async (file: string, options: O) => {
      const loaded: RuleDefinition[] = await readRuleFile(file);
      await ask(options, (client) => client.loadRules(loaded));
    });
}

/** JSON is YAML, so both ways to write a rule are checked alike. */
function ruleText(text: string | undefined, fields: Readonly<Record<string, unknown>>): string {
  const named = Object.keys(fields).length > 0;
  if (text === undefined && !named) throw new InvalidArgumentError('Expected a rule, in YAML or by options.');
  if (text === undefined) return JSON.stringify(fields);
  if (named) throw new InvalidArgumentError('Expected a rule in YAML or by options, not both.');
  return text;
}

function fieldsOf(options: CommandOptions): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  const paths: Record<string, unknown> = {};
  for (const [flags] of FIELD_OPTIONS) {
    const option = new Option(flags);
    const value = options[option.attributeName()];
    if (value === undefined) continue;
    const key = option.name();
    const selected = PATH_KEYS.get(key);
    if (selected === undefined) fields[key] = fieldValue(key, value);
    else paths[selected] = fieldValue(key, value);
  }
  return { ...fields, ...(Object.keys(paths).length > 0 && { paths }) };
}

function fieldValue(key: string, value: unknown): unknown {
  if (LIST_KEYS.has(key)) return String(value).split(',');
  if (FLAG_KEYS.has(key)) return FLAGS.get(value) ?? value;
  return NUMBER_KEYS.has(key) && /^\d+$/.test(String(value)) ? Number(value) : value;
}
