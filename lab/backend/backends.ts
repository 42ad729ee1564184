import type { BackendName } from '../topology/topology.js';
import type { Backend } from './backend.js';
import { docker } from './docker/docker.js';
import { netns } from './netns/netns.js';

const BACKENDS: Readonly<Record<BackendName, Backend>> = { netns, docker };

/** The backend that a lab was, or will be, made with. */
export function backendOf({ backend }: { readonly backend: BackendName }): Backend {
  return BACKENDS[backend];
}
