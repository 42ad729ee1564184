import { Option } from 'commander';
import { BACKEND_NAMES } from '../topology/topology.js';

export function backendOption(): Option {
  const description = "what nodes are made of: network namespaces or containers; default: the topology's, else netns";
  return new Option('--backend <kind>', description).choices(BACKEND_NAMES);
}
