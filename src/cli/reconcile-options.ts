import type { PruneLimit } from '../lifecycle/reconcile/prune-limit.ts';
import { DEFAULT_PRUNE_LIMITS } from '../lifecycle/reconcile/prune-limit.ts';

/** What `reconcile` and `backfill` are asked to do. */
export interface ReconcileCommandOptions {
  /** Default false: nothing is changed. */
  readonly apply: boolean;
  /** Default: all registered types. */
  readonly types: readonly string[];
  readonly stateFile?: string;
  /** Default: standard output. */
  readonly reportFile?: string;
  readonly metricsFile?: string;
  /** Milliseconds; default 60,000. */
  readonly graceMs: number;
  /** Default 1,000 and 5 %. */
  readonly pruneLimits: readonly PruneLimit[];
  /** 0–1; default 0.5. */
  readonly minRowsShare: number;
  /** Reconcile: rows and resources read a second, default unlimited. Backfill: rows registered a second, default 500. */
  readonly rate: number | undefined;
  /** Milliseconds that one read may take; default 30,000. */
  readonly timeoutMs: number;
}

/** For `parseArgs`. */
export const RECONCILE_FLAGS = {
  apply: { type: 'boolean' },
  type: { type: 'string', multiple: true },
  state: { type: 'string' },
  report: { type: 'string' },
  metrics: { type: 'string' },
  grace: { type: 'string' },
  'max-prune': { type: 'string', multiple: true },
  'min-rows': { type: 'string' },
  rate: { type: 'string' },
  timeout: { type: 'string' },
} as const;

export type ReconcileFlag = keyof typeof RECONCILE_FLAGS;

/** Those that are about pruning. */
export const RECONCILE_ONLY_FLAGS: readonly string[] = ['grace', 'max-prune', 'min-rows'] satisfies ReconcileFlag[];

const SECOND_MS = 1_000;
const DEFAULT_GRACE_S = 60;
const MAX_GRACE_S = 86_400;
const DEFAULT_TIMEOUT_S = 30;
const MAX_TIMEOUT_S = 3_600;
const DEFAULT_BACKFILL_RATE = 500;
const MAX_RATE = 1_000_000;
const DEFAULT_MIN_ROWS_SHARE = 0.5;
const NUMBER = /^\d{1,9}(?:\.\d{1,6})?$/;

/** @throws FlagError naming the flag. */
export function parseReconcileOptions(
  command: 'reconcile' | 'backfill',
  given: Readonly<Partial<Record<ReconcileFlag, readonly string[]>>>,
): ReconcileCommandOptions {
  const one = (flag: ReconcileFlag): string | undefined => {
    const [value, ...others] = given[flag] ?? [];
    if (others.length > 0) throw new FlagError(`--${flag} goes there once`);
    return value;
  };
  const number = (
    flag: ReconcileFlag,
    { min, max, fallback }: { min: number; max: number; fallback: number },
  ): number => {
    const text = one(flag);
    if (text === undefined) return fallback;
    const value = NUMBER.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new FlagError(`--${flag} must be a number from ${min} to ${max}`);
  };
  const limits = (given['max-prune'] ?? []).map(parsePruneLimit);
  const minRows = one('min-rows');
  const minRowsShare = minRows === undefined ? DEFAULT_MIN_ROWS_SHARE : parseShare(minRows);
  if (minRowsShare === undefined) throw new FlagError('--min-rows must be a percentage from 0% to 100%');
  const stateFile = one('state');
  const reportFile = one('report');
  const metricsFile = one('metrics');
  const defaultRate = command === 'backfill' ? DEFAULT_BACKFILL_RATE : Number.NaN;
  const rate = number('rate', { min: 1, max: MAX_RATE, fallback: defaultRate });
  return {
    apply: given.apply !== undefined,
    types: [...new Set(given.type)],
    ...(stateFile === undefined ? {} : { stateFile }),
    ...(reportFile === undefined ? {} : { reportFile }),
    ...(metricsFile === undefined ? {} : { metricsFile }),
    graceMs: number('grace', { min: 0, max: MAX_GRACE_S, fallback: DEFAULT_GRACE_S }) * SECOND_MS,
    pruneLimits: limits.length === 0 ? DEFAULT_PRUNE_LIMITS : limits,
    minRowsShare,
    rate: Number.isNaN(rate) ? undefined : rate,
    timeoutMs: number('timeout', { min: 0.1, max: MAX_TIMEOUT_S, fallback: DEFAULT_TIMEOUT_S }) * SECOND_MS,
  };
}

/** A value that a flag does not take. */
export class FlagError extends Error {}

function parsePruneLimit(text: string): PruneLimit {
  const share = parseShare(text);
  if (share !== undefined) return { kind: 'share', share };
  if (/^\d{1,12}$/.test(text)) return { kind: 'count', count: Number(text) };
  throw new FlagError('--max-prune must be a count, or a percentage from 0% to 100%');
}

/** `5%` → 0.05. */
function parseShare(text: string): number | undefined {
  if (!text.endsWith('%') || !NUMBER.test(text.slice(0, -1))) return undefined;
  const percent = Number(text.slice(0, -1));
  return percent <= 100 ? percent / 100 : undefined;
}
