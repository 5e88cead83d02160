import type { FlagConfig, RolloutConfig } from './rollout-config.ts';

/** `rollout` as it is written. */
export function toRolloutTree(rollout: RolloutConfig) {
  const { provider, bypass } = rollout;
  return {
    provider: provider.kind,
    ...toFlagsTree(rollout.default),
    ...(provider.kind === 'static'
      ? { types: toTypesTree(provider.types), accounts: toAccountsTree(provider.accounts) }
      : {}),
    off_answer: rollout.offAnswer,
    bypass: bypass.length === 0 ? undefined : bypass,
    shadow_timeout_ms: rollout.shadowTimeoutMs,
    max_shadow_checks: rollout.maxShadowChecks,
    flag_timeout_ms: rollout.flagTimeoutMs,
    flag_refresh_ms: rollout.flagRefreshMs,
    flag_keep_ms: rollout.flagKeepMs,
    flagd: provider.kind === 'flagd' ? toFlagdTree(provider.flagd) : undefined,
  };
}

type Accounts = Extract<RolloutConfig['provider'], { kind: 'static' }>['accounts'];

function toAccountsTree(accounts: Accounts) {
  if (accounts.size === 0) return undefined;
  return Object.fromEntries(
    [...accounts].map(([account, own]) => [account, { ...toFlagsTree(own), types: toTypesTree(own.types) }]),
  );
}

function toTypesTree(types: ReadonlyMap<string, FlagConfig>) {
  if (types.size === 0) return undefined;
  return Object.fromEntries([...types].map(([type, flags]) => [type, toFlagsTree(flags)]));
}

function toFlagsTree({ enforcement, dualWrite }: FlagConfig) {
  return { enforcement, dual_write: dualWrite };
}

function toFlagdTree({
  host,
  port,
  socketPath,
  tls,
  caFile,
}: Extract<RolloutConfig['provider'], { kind: 'flagd' }>['flagd']) {
  return { host, port, socket_path: socketPath, tls, ca_file: caFile };
}
