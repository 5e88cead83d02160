import type { PrincipalKind } from '../domain/principal.ts';
import type { DualWrite, Enforcement, LegacyAnswer } from '../domain/rollout.ts';
import type { RolloutSettings } from './rollout-settings.ts';

/** Account by account, and type by type: who is enforced, and whose relationships are written. */
export interface RolloutConfig {
  /** Where the flags are told. Default `static`. */
  readonly provider:
    | {
        readonly kind: 'static';
        readonly types: ReadonlyMap<string, FlagConfig>;
        readonly accounts: ReadonlyMap<string, FlagConfig & { readonly types: ReadonlyMap<string, FlagConfig> }>;
      }
    | { readonly kind: 'flagd'; readonly flagd: FlagdConfig };
  /** Where nothing else is said, and where flags can't be told. Default `enforce` and `on`. */
  readonly default: Required<FlagConfig>;
  /** The answer for accounts that are not enforced, where the request brings none. Default `allow`. */
  readonly offAnswer: LegacyAnswer;
  /** Principals to whom everything is allowed, without asking; in any account, if none is named. Default none. */
  readonly bypass: readonly { readonly kind: PrincipalKind; readonly id: string; readonly account?: string }[];
  /** Milliseconds for one decision in shadow, 1–60,000; default 1,000. */
  readonly shadowTimeoutMs: number;
  /** Checks in shadow at once, 1–10,000; default 256. One more is dropped. */
  readonly maxShadowChecks: number;
  /** Milliseconds that the first evaluation of a flag is waited for, 1–10,000; default 100. */
  readonly flagTimeoutMs: number;
  /** Milliseconds after which a flag that is in use is evaluated anew, 10–3,600,000; default 5,000. Less than `flagKeepMs`. */
  readonly flagRefreshMs: number;
  /** Milliseconds for which a flag holds while it can't be evaluated anew, 10–86,400,000; default 60,000. */
  readonly flagKeepMs: number;
}

/** The two flags, where they are set. */
export interface FlagConfig {
  readonly enforcement?: Enforcement;
  readonly dualWrite?: DualWrite;
}

/** Default `localhost:8013`, in plain text. */
export interface FlagdConfig {
  readonly host: string;
  readonly port: number;
  readonly socketPath?: string;
  readonly tls: boolean;
  readonly caFile?: string;
}

export function toRolloutConfig(rollout: RolloutSettings): RolloutConfig {
  const { types, accounts = {}, flagd = { host: 'localhost', port: 8013, tls: false } } = rollout;
  return {
    provider:
      rollout.provider === 'static'
        ? {
            kind: 'static',
            types: toTypes(types),
            accounts: new Map(
              Object.entries(accounts).map(([account, own]) => [
                account,
                { ...toFlags(own), types: toTypes(own.types) },
              ]),
            ),
          }
        : { kind: 'flagd', flagd: toFlagd(flagd) },
    default: { enforcement: rollout.enforcement, dualWrite: rollout.dual_write },
    offAnswer: rollout.off_answer,
    bypass: rollout.bypass ?? [],
    shadowTimeoutMs: rollout.shadow_timeout_ms,
    maxShadowChecks: rollout.max_shadow_checks,
    flagTimeoutMs: rollout.flag_timeout_ms,
    flagRefreshMs: rollout.flag_refresh_ms,
    flagKeepMs: rollout.flag_keep_ms,
  };
}

function toTypes(types: RolloutSettings['types'] = {}): ReadonlyMap<string, FlagConfig> {
  return new Map(Object.entries(types).map(([type, flags]) => [type, toFlags(flags)]));
}

function toFlags(
  flags: Pick<NonNullable<RolloutSettings['accounts']>[string], 'enforcement' | 'dual_write'>,
): FlagConfig {
  const { enforcement, dual_write: dualWrite } = flags;
  return { ...(enforcement === undefined ? {} : { enforcement }), ...(dualWrite === undefined ? {} : { dualWrite }) };
}

function toFlagd(flagd: NonNullable<RolloutSettings['flagd']>): FlagdConfig {
  const { host, port, tls, socket_path: socketPath, ca_file: caFile } = flagd;
  return {
    host,
    port,
    tls,
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(caFile === undefined ? {} : { caFile }),
  };
}
