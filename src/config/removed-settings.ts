/** Key path of a setting that there was → what to say to who still has it. */
export const REMOVED_SETTINGS: ReadonlyMap<string, string> = new Map([
  [
    'agentex.enforcement',
    'is now rollout.enforcement and rollout.dual_write, for AgentEx and every other door (docs/rollout.md): ' +
      'for accounts: { acme: off } say rollout: { accounts: { acme: { enforcement: "off", dual_write: "off" } } }, ' +
      'and for default: off rollout: { enforcement: "off", dual_write: "off" }',
  ],
]);
