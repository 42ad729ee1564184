import type { RoutingRule } from '../../../src/core/routing/rules.js';
import type { ControlSource } from '../../../src/daemon/control/connection.js';
import type { DaemonStatus } from '../../../src/daemon/control/protocol.js';
import { listRules, newRules, withoutRule, withRule } from '../../../src/daemon/rules/table.js';

/** What a control server asks, with a daemon's list of rules but no data plane. */
export function controlSource(status: () => Promise<DaemonStatus>): ControlSource {
  let rules: RoutingRule[] = [];
  const list = async () => listRules(rules, (await status()).rules);
  const change = (changed: RoutingRule[]) => {
    rules = changed;
    return list();
  };
  return {
    status,
    rules: list,
    addRule: async (rule, before) => change(withRule(rules, rule, before)),
    removeRule: async (name) => change(withoutRule(rules, name)),
    loadRules: async (definitions) => change(newRules(definitions)),
  };
}
