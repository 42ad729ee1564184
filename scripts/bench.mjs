// `npm run bench -- [name]... [--rounds N] [--json]`: measurements against a peer of the same run.
import { join } from 'node:path';
import { relaySignals, shellStatus, startGroup } from './process/group.mjs';
import { ROOT, setupOrExit } from './setup.mjs';

await setupOrExit({ need: ['lab', 'mptcp'] });
const runner = join(ROOT, 'scripts', 'bench', 'run.mjs');
const child = startGroup(process.execPath, ['--import', 'tsx', runner, ...process.argv.slice(2)], {
  cwd: ROOT,
  stdio: 'inherit',
});
const stopRelay = relaySignals(child.signalLeader);
const ending = await child.ended;
stopRelay();
process.exitCode = shellStatus(ending);
