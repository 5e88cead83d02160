import type { History, Life } from './history.ts';
import type { Interval } from './intervals.ts';
import { covers, intersection, meets, union } from './intervals.ts';
import type { TaskRecord, Write } from './model.ts';
import type { Permission, Person, RoleName } from './people.ts';
import { FULLY_CONSISTENT, ROLES_OF_PERMISSION } from './people.ts';

/** One decision, however it was asked for. Times are milliseconds since the epoch. */
export interface Observation {
  readonly rpc: string;
  readonly replica: string;
  /** The process that answered, if it is known: if it has been the same all the time. */
  readonly process: string | undefined;
  readonly person: Person;
  readonly task: TaskRecord;
  /** How the task was named: by its id, its name, or something that hangs off it. */
  readonly asked: 'task' | 'name' | 'message';
  readonly permission: Permission;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly isAllowed: boolean;
  /** A revision that it asked for at least, and the write that it came from. */
  readonly asFreshAs: { readonly write: Write; readonly task: TaskRecord } | undefined;
  readonly isFullyConsistent: boolean;
}

export interface Judgement {
  readonly verdict: 'right' | 'wrong allow' | 'false not-found';
  /** For how long it had been wrong when it was asked. 0: it was true while it was asked. */
  readonly staleMs: number;
  readonly boundMs: number;
  /** How late the processes were meanwhile; the bound is longer by so much. */
  readonly lagMs: number;
  readonly isWatched: boolean;
}

export interface OracleDeps {
  readonly history: Pick<History, 'livesOf'>;
  /** True if the replica had Watch all the time. */
  wasWatched(replica: string, fromMs: number, toMs: number): boolean;
  /** Milliseconds that the replica or this process were late in that time. */
  lagMs(replica: string, fromMs: number, toMs: number): number;
}

/** What is promised (DESIGN §6): how long a change may stay unseen, in milliseconds. */
export const PROMISED = { withWatchMs: 1_000, withoutWatchMs: 5_500 } as const;
/** `parents.absent_ttl_ms` of the replicas: for so long a row that has come may still count as absent. */
export const ABSENT_TTL_MS = 1_000;
/** Two clocks are compared that are read in whole milliseconds. */
const CLOCK_MS = 1;

/** Judges by what was true: an answer is right if it was true at some moment from the bound before it was asked until it came. */
export function createOracle(deps: OracleDeps): { judge(observation: Observation): Judgement } {
  return {
    judge(observation) {
      const { sentMs, answeredMs, replica } = observation;
      const isWatched = deps.wasWatched(replica, sentMs - PROMISED.withWatchMs, answeredMs);
      const promisedMs = isWatched ? PROMISED.withWatchMs : PROMISED.withoutWatchMs;
      const isFresh = observation.isFullyConsistent || FULLY_CONSISTENT.has(observation.permission);
      const freshMs = isFresh ? sentMs : freshFromMs(observation);
      const boundMs = Math.min(promisedMs, Math.max(0, sentMs - freshMs));
      const truth = truthOf(observation, deps.history.livesOf(observation.task.id));
      const isTrueFrom = (fromMs: number): boolean => {
        const window = { fromMs, toMs: answeredMs + CLOCK_MS };
        if (observation.isAllowed) return meets(truth.possible, window);
        return !covers(truth.certain, window) || !covers(truth.listed, { ...window, fromMs: sentMs });
      };
      const staleMs = isTrueFrom(sentMs) ? 0 : staleness(observation, truth);
      if (isTrueFrom(sentMs - boundMs)) return { verdict: 'right', staleMs, boundMs, lagMs: 0, isWatched };
      // Lag stretches what has to be noticed in time; what a token or an own write promises, it does not.
      const lagMs = boundMs === promisedMs ? deps.lagMs(replica, sentMs - promisedMs, answeredMs) : 0;
      const verdict = isTrueFrom(sentMs - boundMs - lagMs)
        ? 'right'
        : observation.isAllowed
          ? 'wrong allow'
          : 'false not-found';
      return { verdict, staleMs, boundMs, lagMs, isWatched };
    },
  };
}

interface Truth {
  /** When it may have been allowed. */
  readonly possible: readonly Interval[];
  /** When it certainly was. */
  readonly certain: readonly Interval[];
  /** When its row was there long enough to be found. */
  readonly listed: readonly Interval[];
}

/** From when on the answer is promised to be, whatever was the case before: its token's write, or the replica's own. */
function freshFromMs({ task, process, sentMs, asFreshAs }: Observation): number {
  const own = task.writes
    .filter((write) => write.code === 'OK' && write.process === process && write.endedMs <= sentMs)
    .map(({ endedMs }) => endedMs);
  const token =
    asFreshAs === undefined ? [] : [asFreshAs.task === task ? asFreshAs.write.endedMs : asFreshAs.write.sentMs];
  return Math.max(-Infinity, ...own, ...token);
}

function truthOf({ task, person, permission, asked }: Observation, lives: ReadonlyMap<string, readonly Life[]>): Truth {
  const always: Interval = { fromMs: -Infinity, toMs: Infinity };
  const of = (key: string, toIntervals: typeof possiblyOf): readonly Interval[] =>
    union((lives.get(key) ?? []).map((life) => toIntervals(life, key, task)));
  const roles: readonly RoleName[] = ROLES_OF_PERMISSION[permission];
  const held = (toIntervals: typeof possiblyOf): readonly Interval[] =>
    intersection(
      of(`tenant@tenant:${person.account}`, toIntervals),
      union(roles.flatMap((role) => of(`${role}@user:${person.user}`, toIntervals))),
    );
  const { insertSentMs = Infinity, insertedMs = Infinity, deleteSentMs = Infinity } = task.rows;
  const isLookedUp = asked !== 'task';
  return {
    possible: isLookedUp
      ? intersection(held(possiblyOf), [{ fromMs: insertSentMs, toMs: Infinity }])
      : held(possiblyOf),
    certain: held(certainlyOf),
    listed: isLookedUp ? [{ fromMs: insertedMs + ABSENT_TTL_MS, toMs: deleteSentMs }] : [always],
  };
}

function possiblyOf({ from, to }: Life, key: string, task: TaskRecord): Interval {
  return { fromMs: from.committedMs, toMs: to === undefined ? Infinity : latestMs(to, key, 'to', task) };
}

function certainlyOf({ from, to }: Life, key: string, task: TaskRecord): Interval {
  return { fromMs: latestMs(from, key, 'from', task), toMs: to?.committedMs ?? Infinity };
}

/** By when a change must count as made: when it was acknowledged, or, if nobody was told, when it was seen to be there. */
function latestMs(
  edge: { committedMs: number; seenMs: number },
  key: string,
  side: 'from' | 'to',
  task: TaskRecord,
): number {
  const { committedMs, seenMs } = edge;
  let byOther = seenMs;
  let later = Infinity;
  for (const write of task.writes) {
    if (write.code !== 'OK' || write.endedMs + CLOCK_MS <= committedMs) continue;
    const isOfIt = isEffect(write, key, side);
    if (write.sentMs <= committedMs) {
      if (isOfIt) return Math.max(write.endedMs, committedMs);
      // A write without an answer that lands while another is made: it is not known which is first.
      byOther = Math.max(byOther, write.endedMs + CLOCK_MS);
    } else if (isOfIt) later = Math.min(later, write.endedMs);
  }
  return Math.min(byOther, later);
}

function isEffect({ effect }: Write, key: string, side: 'from' | 'to'): boolean {
  switch (effect.kind) {
    case 'register':
      return side === 'from';
    case 'deregister':
      return side === 'to';
    case 'grant':
    case 'revoke':
      return (effect.kind === 'grant') === (side === 'from') && key === `${effect.role}@user:${effect.user}`;
    default:
      return effect satisfies never;
  }
}

/** For how long the answer had not been true any more when it was asked for. */
function staleness({ sentMs, isAllowed }: Observation, { possible, certain }: Truth): number {
  if (isAllowed) {
    const ends = possible.filter(({ toMs }) => toMs <= sentMs).map(({ toMs }) => toMs);
    return sentMs - Math.max(-Infinity, ...ends);
  }
  const current = certain.find(({ fromMs, toMs }) => fromMs <= sentMs && toMs > sentMs);
  return current === undefined ? 0 : sentMs - current.fromMs;
}

/** What an acknowledged write must have done at some moment while it was made; undefined if it has. */
export function findLost(
  task: TaskRecord,
  write: Write,
  lives: ReadonlyMap<string, readonly Life[]>,
): string | undefined {
  const { sentMs, endedMs, effect } = write;
  const window = { fromMs: sentMs, toMs: endedMs + CLOCK_MS };
  const raw = (key: string): readonly Interval[] =>
    union(
      (lives.get(key) ?? []).map(({ from, to }) => ({ fromMs: from.committedMs, toMs: to?.committedMs ?? Infinity })),
    );
  const tie = `tenant@tenant:${task.creator.account}`;
  const wasThere = (key: string): boolean => meets(raw(key), window);
  const wasGone = (key: string): boolean => !covers(raw(key), window);
  switch (effect.kind) {
    case 'register': {
      const missing = [tie, `owner@user:${task.creator.user}`].filter((key) => !wasThere(key));
      return missing.length === 0 ? undefined : `registered without ${missing.join(', ')}`;
    }
    case 'deregister':
      return wasGone(tie) ? undefined : `deregistered with ${tie}`;
    case 'grant':
    case 'revoke': {
      const key = `${effect.role}@user:${effect.user}`;
      if (effect.kind === 'grant') return wasThere(key) ? undefined : `granted without ${key}`;
      return wasGone(key) ? undefined : `revoked with ${key}`;
    }
    default:
      return effect satisfies never;
  }
}
