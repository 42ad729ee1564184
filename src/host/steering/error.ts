export type SteeringErrorCode =
  /** The destination is this host itself, a multicast or broadcast address, or reached through the TUN device already. */
  | 'E_NOT_STEERABLE'
  /** The kernel knows no way to the destination. */
  | 'E_UNREACHABLE'
  /** Another program's rule is what ours would be. */
  | 'E_RULE_EXISTS'
  /** A reverse-path filter would drop our packets and cannot be changed. */
  | 'E_REVERSE_PATH'
  /** Not everything could be undone; `cause` holds the errors, and the record stays for the next start. */
  | 'E_UNDO';

export class SteeringError extends Error {
  override readonly name = 'SteeringError';

  constructor(
    readonly code: SteeringErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
