import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  ControlClient,
  ControlError,
  controlSocketPath,
  DEFAULT_STATE_DIRECTORY,
  DocumentError,
  packageVersion,
  type RuleListing,
} from '../daemon/api.js';
import { addRulesCommands } from './rules.js';
import type { Terminal } from './terminal.js';
import { availabilityTable } from './view/availability.js';
import { nodesTable } from './view/nodes.js';
import { pathsTable } from './view/paths.js';
import { rulesTable } from './view/rules.js';
import { sessionsTable } from './view/sessions.js';
import { statusText } from './view/status.js';
import { watch } from './watch.js';

/** 0: done; 1: the daemon refused or went away; 2: wrong usage; 3: there is no daemon that could be asked. */
export type ExitCode = 0 | 1 | 2 | 3;

interface Options {
  readonly json?: true;
  readonly socket?: string;
  readonly state?: string;
  readonly interval?: number;
  readonly [name: string]: unknown;
}

/** Runs one command of mpipctl; `args` without the program's name. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  try {
    await program(terminal).parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    // Help and version end like this too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof DocumentError) {
      terminal.writeError(`${error.message}\n`);
      return 2;
    }
    if (!(error instanceof ControlError)) throw error;
    terminal.writeError(`mpipctl: ${error.message}\n`);
    if (error.code === 'E_NOT_RUNNING') {
      terminal.writeError(
        'Start it with: mpipd --config FILE (as root). Another state directory is named with --state DIR.\n',
      );
    }
    return error.code === 'E_NOT_RUNNING' || error.code === 'E_NOT_PERMITTED' ? 3 : 1;
  }
}

function program(terminal: Terminal): Command {
  const root = new Command('mpipctl')
    .description('Looks into a running mpipd, and changes its rules.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.write(text),
      writeErr: (text) => terminal.writeError(text),
      getOutHelpWidth: () => Math.min(100, terminal.columns()),
      getErrHelpWidth: () => Math.min(100, terminal.columns()),
    })
    .addHelpText('after', '\nExit status: 0 done, 1 refused by mpipd, 2 wrong usage, 3 mpipd is not running.');
  const width = (): number | undefined => (terminal.interactive ? terminal.columns() : undefined);

  const answer = async <T>(
    options: Options,
    ask: (client: ControlClient) => Promise<T>,
    view: (result: T) => string,
  ): Promise<void> => {
    await using client = await ControlClient.connect(socketPath(options));
    const result = await ask(client);
    terminal.write(`${options.json ? JSON.stringify(result, null, 2) : view(result)}\n`);
  };
  const show = <T>(
    name: string,
    about: string,
    ask: (client: ControlClient) => Promise<T>,
    view: (result: T) => string,
  ): void => {
    add(root, name, about).action((options: Options) => answer(options, ask, view));
  };
  show('status', 'the daemon and its counters', (client) => client.status(), statusText);
  show(
    'nodes',
    'known nodes and their addresses (Table 3)',
    (client) => client.nodes(),
    (all) => nodesTable(all, width()),
  );
  show(
    'sessions',
    'sessions and their reordering (Table 4)',
    (client) => client.sessions(),
    (all) => sessionsTable(all, width()),
  );
  show(
    'paths',
    'paths, their delays and weights (Table 5)',
    (client) => client.paths(),
    (all) => pathsTable(all, width()),
  );
  show(
    'availability',
    'which destinations run MPIP (Table 2)',
    (client) => client.availability(),
    (all) => availabilityTable(all, width()),
  );

  const rules = root.command('rules').description('which packets take which paths (Table 6)');
  addRulesCommands(rules, add, (options: Options, ask) =>
    answer(options, ask, (all: RuleListing[]) => rulesTable(all, width())),
  );

  add(root, 'watch', 'paths and what runs over them, again and again')
    .addOption(new Option('--interval <seconds>', 'time between two snapshots').argParser(seconds).default(1))
    .action(async (options: Options) => {
      const client = await ControlClient.connect(socketPath(options));
      await watch(client, terminal, { intervalMs: (options.interval as number) * 1000, json: options.json === true });
    });
  return root;
}

function add(parent: Command, name: string, about: string): Command {
  return parent
    .command(name)
    .description(about)
    .option('--json', 'print JSON')
    .addOption(new Option('--socket <path>', 'control socket of the daemon').conflicts('state'))
    .addOption(new Option('--state <directory>', `state directory of the daemon (default: ${DEFAULT_STATE_DIRECTORY})`))
    .allowExcessArguments(false);
}

function socketPath(options: Options): string {
  return options.socket ?? controlSocketPath(options.state ?? DEFAULT_STATE_DIRECTORY);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.05 && value <= 3600)) throw new InvalidArgumentError('Expected seconds, 0.05 to 3600.');
  return value;
}
