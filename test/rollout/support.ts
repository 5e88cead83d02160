import type { Provider } from '@openfeature/server-sdk';
import type { RolloutObserver } from '../../src/authorize/ports-rollout.ts';
import type { Principal } from '../../src/domain/principal.ts';
import type { Rollout, RolloutOptions } from '../../src/rollout/open-rollout.ts';
import { openRollout } from '../../src/rollout/open-rollout.ts';

export const TYPES = ['task', 'message'] as const;

export interface RecordedObserver extends RolloutObserver {
  /** What it was told, one line each. */
  readonly told: string[];
}

export function recordObserver(): RecordedObserver {
  const told: string[] = [];
  return {
    told,
    answered: (type, enforcement, by, count) => void told.push(`answered ${type} ${enforcement} ${by} ${count}`),
    compared: (type, difference) => void told.push(`compared ${type} ${difference}`),
    dropped: (count) => void told.push(`dropped ${count}`),
    writeSkipped: (type, why) => void told.push(`skipped ${type} ${why}`),
    flagFaulted: (flag, fault) => void told.push(`faulted ${flag} ${fault}`),
    flagRecovered: (flag) => void told.push(`recovered ${flag}`),
  };
}

export function manualClock(): { nowMs: () => number; advance: (ms: number) => void } {
  let nowMs = 1_000_000;
  return {
    nowMs: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

export function userOf(account: string): Principal {
  return { kind: 'user', id: 'somebody', account };
}

/** A provider whose every evaluation is `resolve`. */
export function providerOf(resolve: (flag: string, account: string | undefined) => Promise<unknown>): Provider {
  const evaluate = async (flag: string, _default: unknown, { targetingKey }: { targetingKey?: string }) =>
    ({ value: await resolve(flag, targetingKey) }) as never;
  return {
    metadata: { name: 'of a test' },
    resolveBooleanEvaluation: evaluate,
    resolveStringEvaluation: evaluate,
    resolveNumberEvaluation: evaluate,
    resolveObjectEvaluation: evaluate,
  };
}

export const TIMEOUT_MS = 20;
export const REFRESH_MS = 100;
export const KEEP_MS = 1_000;

/** Gates over a provider, by the OpenFeature SDK, as in the product. */
export async function openGates(
  provider: RolloutOptions['provider'],
  safeDefault: RolloutOptions['safeDefault'] = { enforcement: 'enforce', dualWrite: 'on' },
  timeoutMs = TIMEOUT_MS,
): Promise<Rollout & { readonly observer: RecordedObserver; readonly clock: ReturnType<typeof manualClock> }> {
  const observer = recordObserver();
  const clock = manualClock();
  const kept = { timeoutMs, refreshMs: REFRESH_MS, keepMs: KEEP_MS };
  const rollout = await openRollout({ clock, observer }, { provider, safeDefault, types: TYPES, kept });
  return { ...rollout, observer, clock, [Symbol.asyncDispose]: async () => rollout[Symbol.asyncDispose]() };
}
