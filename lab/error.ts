/** Everything that the lab throws is a LabError with a stable code. */
export class LabError extends Error {
  readonly code: string;
  override readonly name: string = 'LabError';

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The machine lacks something that the lab needs; the message says how to get it. Exit status 3. */
export class LabMachineError extends LabError {
  override readonly name = 'LabMachineError';

  constructor(message: string, options?: ErrorOptions) {
    super('E_LAB_MACHINE', message, options);
  }
}

export interface CommandFailure {
  /** The node that the command ran in; undefined for a command on the machine itself. */
  readonly node?: string | undefined;
  readonly command: readonly string[];
  /** undefined when the command was ended by a signal or could not be started. */
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly stdout?: string | undefined;
  readonly stderr?: string | undefined;
  /** Why it failed, where that is not its exit status: a time-out, a missing program. */
  readonly reason?: string | undefined;
}

/** A command that failed, with what it said. */
export class LabCommandError extends LabError {
  override readonly name = 'LabCommandError';
  readonly node: string | undefined;
  readonly command: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(failure: CommandFailure, options?: ErrorOptions) {
    super('E_LAB_COMMAND', describeFailure(failure), options);
    this.node = failure.node;
    this.command = failure.command;
    this.exitCode = failure.exitCode;
    this.signal = failure.signal;
    this.stdout = failure.stdout ?? '';
    this.stderr = failure.stderr ?? '';
  }
}

const LAST_CHARACTERS = 2000;

function describeFailure({ node, command, exitCode, signal, stdout, stderr, reason }: CommandFailure): string {
  const where = node === undefined ? '' : `${node}: `;
  const why = reason ?? (signal !== undefined ? `ended by ${signal}` : `failed with exit status ${exitCode}`);
  // Some programs, iperf3 --json among them, report errors on stdout.
  const said = (stderr?.trim() || stdout?.trim() || '').slice(-LAST_CHARACTERS);
  return `${where}${command.join(' ')}: ${why}${said === '' ? '' : `\n${said}`}`;
}
