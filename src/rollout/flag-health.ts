import type { FlagFault, RolloutObserver } from '../authorize/ports-rollout.ts';

/** Which flags have their safe default at the moment, because they can't be told. */
export interface FlagHealth {
  faulted(flag: string, fault: FlagFault, cause?: unknown): void;
  told(flag: string): void;
  /** In words that are safe to show; undefined if every flag that was asked about could be told. */
  problem(): string | undefined;
}

export function createFlagHealth(observer: Pick<RolloutObserver, 'flagFaulted' | 'flagRecovered'>): FlagHealth {
  const failing = new Set<string>();
  return {
    faulted(flag, fault, cause) {
      failing.add(flag);
      observer.flagFaulted(flag, fault, cause);
    },
    told(flag) {
      if (failing.delete(flag)) observer.flagRecovered(flag);
    },
    problem: () =>
      failing.size === 0 ? undefined : `flags that can not be told: ${[...failing].toSorted().join(', ')}`,
  };
}
