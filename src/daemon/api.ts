/** All that the layers above may use of the daemon. */
export { type MpipSettings, mpipSettings } from './config.js';
export { ControlClient, ControlError } from './control/client.js';
export {
  type ControlMethod,
  controlSocketPath,
  type DaemonStatus,
  DEFAULT_STATE_DIRECTORY,
} from './control/protocol.js';
