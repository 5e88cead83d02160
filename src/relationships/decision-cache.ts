import { LRUCache } from 'lru-cache';
import type {
  CallContext,
  CheckedRelationships,
  Clock,
  RelationshipCheck,
  RelationshipResult,
  Relationships,
} from '../authorize/ports.ts';
import type { CachedCheck } from '../authorize/ports-explain.ts';
import type { RelationshipObserver } from '../authorize/ports-observers.ts';
import { NO_RELATIONSHIP_OBSERVER } from '../authorize/ports-observers.ts';
import type { Consistency } from '../domain/consistency.ts';
import { MINIMIZE_LATENCY } from '../domain/consistency.ts';
import { CancelledError, DeadlineExceededError, UnavailableError, toTaskgateError } from '../domain/errors.ts';
import { askedKey, checkKey, isAskedAs } from './check-key.ts';
import { copyText } from '../domain/copy-text.ts';
import type { Freshness, Moment } from './freshness.ts';
import { toObjectName } from './spicedb-requests.ts';

export interface DecisionCacheOptions {
  /** Answers that are kept; the one that was used longest ago goes first. Default 100,000. */
  readonly maxEntries?: number;
  /** Milliseconds after which an answer is asked again, whatever is told of changes. Default 4,000. */
  readonly ttlMs?: number;
}

interface Entry {
  readonly result: RelationshipResult & { readonly kind: 'held' | 'denied' };
  readonly checkedAt: string;
  /** The moment at which the check began: a change after it may not be in the answer. */
  readonly moment: Moment;
  readonly expiresAtMs: number;
  /** Its successor has been asked for. */
  isRenewed: boolean;
}

export interface DecisionCache extends Relationships {
  /** What it would answer, for operators: nothing is renewed, and it counts as no use of the entry. */
  inspect(check: RelationshipCheck): CachedCheck | undefined;
  /** Answers that are kept, expired ones included. */
  size(): number;
}

const HELD = { kind: 'held' } as const;
const DENIED = { kind: 'denied' } as const;

/** A check that has been sent and not been answered. */
interface Flight {
  /** The moment at which it began. */
  readonly moment: Moment;
  readonly answer: Promise<CheckedRelationships>;
}

/** The last share of an answer's time, in which whoever takes it has it renewed. */
const RENEWED_SHARE = 0.2;

/**
 * Keeps answers for as long as nothing that bears on them has changed. While changes may be missed it is not there: it
 * neither answers nor keeps.
 *
 * Only minimise-latency is answered from it; a caller that asks for more gets a read of its own. An answer is kept with
 * the moment at which its check *began*, so that a change which was told meanwhile voids it. Faults are never kept.
 *
 * A denial at the end of a lookup is kept for what was asked and not for the object that it led to: a second child of a
 * denied parent costs what an absent one costs, which is a check of its own. What is held is no secret, and is kept for
 * all that leads there.
 *
 * An answer that is still asked for as its time runs out is renewed behind the caller's back: when the time of a busy one
 * is up, everybody who asks at that moment would wait. Whoever asks what is being asked already waits for that answer, if
 * it would take it from the cache once it is there.
 */
export function createDecisionCache(
  {
    inner,
    freshness,
    clock,
    observer = NO_RELATIONSHIP_OBSERVER,
  }: {
    readonly inner: Relationships;
    readonly freshness: Freshness;
    readonly clock: Clock;
    readonly observer?: RelationshipObserver;
  },
  { maxEntries = 100_000, ttlMs = 4_000 }: DecisionCacheOptions = {},
): DecisionCache {
  const entries = new LRUCache<string, Entry>({ max: maxEntries });
  const flights = new Map<string, Flight>();

  const readAt = (key: string, check: RelationshipCheck): Entry | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAtMs <= clock.nowMs()) return undefined;
    return freshness.holdsSince(toObjectName(check.object), entry.moment) ? entry : undefined;
  };
  const read = (check: RelationshipCheck): Entry | undefined => {
    const entry = readAt(checkKey(check), check);
    if (!isAskedAs(check) || entry?.result.kind === 'held') return entry;
    return readAt(askedKey(check), check);
  };
  const keep = (check: RelationshipCheck, answer: Pick<Entry, 'result' | 'checkedAt' | 'moment'>): void => {
    const key = checkKey(check);
    const isOfAsked = isAskedAs(check) && answer.result.kind === 'denied';
    // What was held is so no longer.
    if (isOfAsked && entries.peek(key)?.result.kind === 'held') entries.delete(key);
    const entry = { ...answer, expiresAtMs: clock.nowMs() + ttlMs, isRenewed: false };
    entries.set(copyText(isOfAsked ? askedKey(check) : key), entry);
    observer.kept(entries.size);
  };
  const ask = async (
    checks: readonly RelationshipCheck[],
    consistency: Consistency,
    context: CallContext,
    moment: Moment,
  ): Promise<CheckedRelationships> => {
    const { results: answered, checkedAt } = await inner.check(checks, consistency, context);
    const results = checks.map((check, index): RelationshipResult => {
      const result = answered[index] ?? { kind: 'failed', error: new UnavailableError('spicedb') };
      if (result.kind !== 'failed') keep(check, { result: result.kind === 'held' ? HELD : DENIED, checkedAt, moment });
      return result;
    });
    return { results, checkedAt };
  };
  /** Asks one question, or waits for the answer that is on its way to another caller. */
  const join = async (
    check: RelationshipCheck,
    context: CallContext,
    moment: Moment,
  ): Promise<CheckedRelationships> => {
    // Absent children share no question, so denied ones that hang off one object don't either.
    const key = isAskedAs(check) ? askedKey(check) : checkKey(check);
    let joined: Flight | undefined;
    for (;;) {
      const flight = flights.get(key);
      if (flight === undefined || flight === joined) break;
      if (!freshness.holdsSince(toObjectName(check.object), flight.moment)) break;
      joined = flight;
      const answer = await waitFor(flight.answer, context);
      if (answer !== undefined) return answer;
    }
    const own = { moment, answer: ask([check], MINIMIZE_LATENCY, context, moment) };
    flights.set(key, own);
    try {
      return await own.answer;
    } finally {
      if (flights.get(key) === own) flights.delete(key);
    }
  };
  /** True once, for an answer that is used in the last share of its time. */
  const takeDue = (entry: Entry): boolean => {
    if (entry.isRenewed || entry.expiresAtMs - clock.nowMs() > ttlMs * RENEWED_SHARE) return false;
    entry.isRenewed = true;
    return true;
  };
  /** Whatever goes wrong, the answer that is there is good until its time is up, and then it is asked again. */
  const renew = (checks: readonly RelationshipCheck[], moment: Moment): void => {
    const context = { signal: new AbortController().signal, deadlineAtMs: clock.nowMs() + ttlMs };
    void ask(checks, MINIMIZE_LATENCY, context, moment).catch(() => undefined);
  };

  return {
    inspect(check) {
      if (freshness.now() === undefined) return undefined;
      const known = [checkKey(check), ...(isAskedAs(check) ? [askedKey(check)] : [])];
      for (const [index, key] of known.entries()) {
        const entry = entries.peek(key);
        if (entry === undefined || entry.expiresAtMs <= clock.nowMs()) continue;
        if (!freshness.holdsSince(toObjectName(check.object), entry.moment)) continue;
        // A denial is known of what was asked alone.
        if (index === 0 && isAskedAs(check) && entry.result.kind !== 'held') continue;
        return { ...entry, expiresInMs: Math.round(entry.expiresAtMs - clock.nowMs()) };
      }
      return undefined;
    },
    size: () => entries.size,
    peek(check) {
      const moment = freshness.now();
      const entry = moment === undefined ? undefined : read(check);
      if (entry !== undefined) observer.answered('hit', 1);
      if (entry !== undefined && moment !== undefined && takeDue(entry)) renew([check], moment);
      return entry;
    },
    async check(checks, consistency, context) {
      const moment = freshness.now();
      if (moment === undefined) {
        observer.answered('off', checks.length);
        return inner.check(checks, consistency, context);
      }
      const known = checks.map((check) => (consistency.kind === 'minimize_latency' ? read(check) : undefined));
      const due = checks.filter((_, index) => {
        const entry = known[index];
        return entry !== undefined && takeDue(entry);
      });
      if (due.length > 0) renew(due, moment);
      const missing = checks.filter((_, index) => known[index] === undefined);
      if (missing.length > 0) observer.answered('miss', missing.length);
      if (missing.length < checks.length) observer.answered('hit', checks.length - missing.length);
      const [only] = missing;
      const isJoined = consistency.kind === 'minimize_latency' && missing.length === 1 && only !== undefined;
      const answer =
        missing.length === 0
          ? undefined
          : await (isJoined ? join(only, context, moment) : ask(missing, consistency, context, moment));
      const answered = answer?.results.values();
      const results = known.map(
        (entry): RelationshipResult =>
          entry?.result ?? answered?.next().value ?? { kind: 'failed', error: new UnavailableError('spicedb') },
      );
      const kept = known.find((entry) => entry?.result.kind === 'held') ?? known.find((entry) => entry !== undefined);
      return { results, checkedAt: answer?.checkedAt || kept?.checkedAt || '' };
    },
  };
}

/** The answer to another caller's question; undefined if it failed for a reason of that caller's own. */
async function waitFor(
  answer: Promise<CheckedRelationships>,
  { signal }: CallContext,
): Promise<CheckedRelationships | undefined> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(toTaskgateError(signal.reason));
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([answer, left]);
  } catch (error) {
    const isTheirs = error instanceof CancelledError || error instanceof DeadlineExceededError;
    if (isTheirs && !signal.aborted) return undefined;
    throw error;
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
