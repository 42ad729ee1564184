/** The programs of ours that a lab runs once its network is there, as one could start them; pure. */
import { join } from 'node:path';
import type { Backend, BackendStep } from '../backend/backend.js';
import { leftRunning } from '../backend/netns/launch.js';
import type { Plan } from '../plan/plan.js';
import { RELAY_NODE, relayedLinks } from '../plan/relay.js';
import { labPath } from '../record/directory.js';
import { relayCommand, relayConfigFile, relayConfigText } from '../relay/start.js';
import { mpipdCommand, mpipdConfigFile, mpipdConfigText } from './mpipd.js';

export function programSteps(lab: string, plan: Plan, backend: Backend): BackendStep[] {
  const directory = labPath(lab);
  const relay = {
    title: 'relay',
    commands: [
      write(relayConfigFile(directory), relayConfigText(lab, directory, plan)),
      { command: leftRunning(lab, RELAY_NODE, relayCommand(directory)), input: [] },
    ],
  };
  const mpipds = plan.nodes.flatMap(({ name, mpip }) => {
    if (mpip === null) return [];
    const own = join(directory, name);
    const command = backend.typed(lab, name, mpipdCommand(own));
    return [write(mpipdConfigFile(own), mpipdConfigText(own, mpip)), { command, input: [] }];
  });
  return [
    ...(relayedLinks(plan).length > 0 ? [relay] : []),
    ...(mpipds.length > 0 ? [{ title: 'mpipd', commands: mpipds }] : []),
  ];
}

function write(file: string, text: string): BackendStep['commands'][number] {
  return { command: ['install', '-D', '-m', '600', '/dev/stdin', file], input: text.trimEnd().split('\n') };
}
