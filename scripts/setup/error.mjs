/** The set-up cannot make this machine ready. `message` says what to do about it. */
export class SetupError extends Error {
  /**
   * @param {'NODE_TOO_OLD' | 'PACKAGES_MISSING' | 'PACKAGES_FAILED' | 'GUEST_FAILED' | 'NPM_FAILED' | 'BUILD_FAILED'} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'SetupError';
    this.code = code;
  }

  /** Exit status: 3 when the machine lacks what is needed, else 1. */
  get exitStatus() {
    return this.code === 'NPM_FAILED' || this.code === 'BUILD_FAILED' ? 1 : 3;
  }
}
