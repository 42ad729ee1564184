/** All that the layers above may use of the daemon. */

export { DocumentError } from '../document/error.js';
export { type MpipSettings, mpipSettings } from './config.js';
export { ControlClient, ControlError } from './control/client.js';
export {
  type ControlMethod,
  controlSocketPath,
  type DaemonStatus,
  DEFAULT_STATE_DIRECTORY,
} from './control/protocol.js';
export { parseRule, readRuleFile } from './rules/document.js';
export type { RuleDefinition, RuleListing } from './rules/table.js';
export { packageVersion } from './version.js';
