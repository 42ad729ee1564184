import type { PortableError } from './protocol.js';

/** The data plane could not start, or stopped by itself. `reason` is the code of the error in its thread, where it had one. */
export class DataPlaneError extends Error {
  override readonly name = 'DataPlaneError';
  readonly code = 'E_DATA_PLANE';
  readonly reason: string | undefined;

  constructor(message: string, from?: PortableError) {
    super(message, from && { cause: revived(from) });
    this.reason = from?.code;
  }
}

function revived({ name, message, code, stack }: PortableError): Error {
  return Object.assign(new Error(message), { name, code, stack });
}
