import type { LabRecord } from '../record/record.js';
import type { Backend } from './backend.js';
import { netns } from './netns/netns.js';

/** The backend that a lab was made with. */
export function backendOf({ backend }: Pick<LabRecord, 'backend'>): Backend {
  switch (backend) {
    case 'netns':
      return netns;
  }
}
