import type { DocumentPath } from '../../src/document/positions.js';

/** Takes note of a problem at the value of a path, or at its key. */
export type Report = (path: DocumentPath, message: string, at?: 'value' | 'key') => void;
