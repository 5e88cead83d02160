import { setTimeout as delay } from 'node:timers/promises';
import type { FaultMode } from '../support/fault-proxy.ts';
import type { Random } from '../support/random.ts';
import type { WatchMode } from '../support/watch-proxy.ts';
import type { Replica, ReplicaStore } from './replica.ts';

/** What befalls one replica. */
export type Fault =
  | { readonly kind: 'store'; readonly store: ReplicaStore; readonly mode: Exclude<FaultMode, 'ok'> }
  | { readonly kind: 'watch'; readonly mode: Exclude<WatchMode, 'ok'> }
  | { readonly kind: 'kill' | 'terminate' };

const MODES = ['refuse', 'hang', 'reset'] as const;
const STORES = ['spicedb', 'database', 'redis'] as const;

/** Every fault there is; a lane deals them all before it deals one again. */
export const FAULTS: readonly Fault[] = [
  ...STORES.flatMap((store) => MODES.map((mode): Fault => ({ kind: 'store', store, mode }))),
  ...MODES.map((mode): Fault => ({ kind: 'watch', mode })),
  { kind: 'kill' },
  { kind: 'terminate' },
];

/** Long enough now and then for what is kept to run out while it lasts. */
const LASTS_MS = { least: 100, most: 2_500 } as const;
const LONG_MS = { share: 0.15, most: 8_000 } as const;
/** Also time for Watch to be back, so that the shorter bound is put to the test as well. */
const CALM_MS = { least: 300, most: 4_000 } as const;

export interface FaultLog {
  /** What befell which replica, and when; times are milliseconds since the epoch. */
  readonly struck: { readonly replica: string; readonly fault: string; readonly fromMs: number; toMs: number }[];
}

export function nameFault(fault: Fault): string {
  switch (fault.kind) {
    case 'store':
      return `${fault.store}: ${fault.mode}`;
    case 'watch':
      return `Watch: ${fault.mode}`;
    case 'kill':
      return 'SIGKILL';
    case 'terminate':
      return 'SIGTERM';
    default:
      return fault satisfies never;
  }
}

/**
 * One fault after another until `ended`, with some calm between them; those of the store `first` come first. Nothing
 * fails any more when it resolves.
 */
export async function strikeAlways(
  {
    random,
    replica,
    log,
    first,
  }: {
    readonly random: Random;
    readonly replica: Replica;
    readonly log: FaultLog;
    readonly first: ReplicaStore | undefined;
  },
  ended: AbortSignal,
): Promise<void> {
  const wait = async (ms: number): Promise<void> => delay(ms, undefined, { signal: ended }).catch(() => undefined);
  let deck = random.shuffled(FAULTS.filter((fault) => fault.kind === 'store' && fault.store === first));
  while (!ended.aborted) {
    await wait(CALM_MS.least + random.below(CALM_MS.most - CALM_MS.least));
    if (ended.aborted) return;
    if (deck.length === 0) deck = random.shuffled(FAULTS);
    const fault = deck.pop();
    if (fault === undefined) return;
    const mostMs = random.chance(LONG_MS.share) ? LONG_MS.most : LASTS_MS.most;
    const struck = { replica: replica.name, fault: nameFault(fault), fromMs: Date.now(), toMs: Infinity };
    log.struck.push(struck);
    await strike(replica, fault, async () => wait(LASTS_MS.least + random.below(mostMs - LASTS_MS.least)));
    struck.toMs = Date.now();
  }
}

async function strike(replica: Replica, fault: Fault, lasts: () => Promise<void>): Promise<void> {
  switch (fault.kind) {
    case 'store': {
      const proxy = replica.stores[fault.store];
      if (fault.store === 'spicedb') replica.suspectWatch(true);
      await proxy.setMode(fault.mode);
      await lasts();
      await proxy.setMode('ok');
      if (fault.store === 'spicedb') replica.suspectWatch(false);
      return;
    }
    case 'watch':
      replica.suspectWatch(true);
      replica.watch.setMode(fault.mode);
      await lasts();
      replica.watch.setMode('ok');
      replica.suspectWatch(false);
      return;
    case 'kill':
    case 'terminate':
      if (fault.kind === 'kill') await replica.kill();
      else await replica.terminate();
      await lasts();
      await replica.start();
      return;
    default:
      return fault satisfies never;
  }
}
