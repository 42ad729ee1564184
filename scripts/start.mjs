// `npm start`: everything from a bare clone to the first experiment. Arguments after `--` go to `mpip-lab run`.
import { relaySignals, shellStatus, startGroup } from './process/group.mjs';
import { ROOT, setupOrExit } from './setup.mjs';

await setupOrExit({ need: ['lab', 'mptcp', 'figures'] });

const command = ['dist/lab/cli/main.js', 'run', 'fig4a', '--duration', '20s', ...process.argv.slice(2)];
// In a group of its own the lab gets Ctrl-C from here alone, once, and has the time that it needs to take itself down.
const lab = startGroup(process.execPath, command, { cwd: ROOT, stdio: 'inherit' });
const stopRelay = relaySignals(lab.signalLeader);
const ending = await lab.ended;
stopRelay();
if (ending.error !== undefined) console.error(ending.error.message);
process.exitCode = shellStatus(ending);
