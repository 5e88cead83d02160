import type { Consistency } from '../domain/consistency.ts';
import type { DecisionKind } from '../domain/decision.ts';
import type { TaskgateError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import type { DualWrite, Enforcement } from '../domain/rollout.ts';
import type {
  CallContext,
  CheckRecord,
  ParentKey,
  ParentLayer,
  PeekedRelationship,
  RelationshipCheck,
  RelationshipObject,
} from './ports.ts';

/** What one layer of the parent lookup says of a key. */
export interface ParentStep {
  readonly layer: ParentLayer | 'same_id';
  readonly result:
    | { readonly kind: 'found'; readonly id: string }
    | { readonly kind: 'absent' }
    /** It knows nothing of the key. */
    | { readonly kind: 'miss' }
    | { readonly kind: 'failed'; readonly error: TaskgateError };
  /** In words, without anything that a driver said. */
  readonly detail: string;
}

/** Looks at each layer by itself: nothing is kept, counted or used because of it. */
export interface ParentInspector {
  /** In the order that a lookup meets the layers. Never rejects. */
  inspect(key: ParentKey, context: CallContext): Promise<readonly ParentStep[]>;
}

/** A revision to be read at exactly. */
export interface Snapshot {
  readonly kind: 'at_exact_snapshot';
  readonly token: string;
}

export type Permissionship = 'held' | 'denied' | 'conditional' | 'unknown';

/** One step of the engine's check. Ids are as the application writes them. */
export interface TraceNode {
  readonly objectType: string;
  readonly objectId: string;
  /** The permission or relation that was asked. */
  readonly name: string;
  readonly isRelation: boolean;
  /** `type:id`, with `#relation` where there is one. */
  readonly subject: string;
  /** With its caveat evaluated. */
  readonly result: Permissionship;
  readonly caveat: CaveatStep | undefined;
  /** The engine had it in its own cache, and says no more. */
  readonly wasCached: boolean;
  readonly durationMs: number;
  readonly children: readonly TraceNode[];
}

export interface CaveatStep {
  readonly name: string;
  readonly expression: string;
  readonly result: 'true' | 'false' | 'missing context';
  readonly context: Readonly<Record<string, string>>;
}

export interface TracedCheck {
  readonly result: Permissionship;
  readonly checkedAt: string;
  readonly trace: TraceNode | undefined;
}

/** Asks the engine one check with its trace. Never shared with other calls, and nothing is kept. */
export interface CheckTracer {
  /**
   * @throws FailedPreconditionError if a snapshot is gone.
   * @throws TaskgateError when nothing could be told.
   */
  trace(check: RelationshipCheck, at: Consistency | Snapshot, context: CallContext): Promise<TracedCheck>;
  /** What checks of the object must see at least, since a change of it is known; undefined if nothing is. */
  floorOf(object: RelationshipObject): Exclude<Consistency, { kind: 'minimize_latency' }> | undefined;
  /** What the decision cache would answer; undefined if it would ask. Nothing is renewed or counted. */
  cached(check: RelationshipCheck): CachedCheck | undefined;
}

export interface CachedCheck extends PeekedRelationship {
  /** Milliseconds for which it is kept, if nothing changes. */
  readonly expiresInMs: number;
}

/** A decision that is still in memory. */
export interface RecentDecision {
  /** Ascending from the start of the process, from 1. */
  readonly sequence: number;
  readonly decidedAtMs: number;
  readonly record: CheckRecord;
}

/** Each that is set must fit exactly. */
export interface RecentFilter {
  /** Only greater sequences. */
  readonly after: number;
  readonly limit: number;
  readonly outcome?: DecisionKind | 'ERROR';
  readonly type?: string;
  readonly operation?: Operation;
  readonly account?: string;
  readonly principalId?: string;
}

export interface RecentDecisions {
  /** The latest first. */
  list(filter: RecentFilter): readonly RecentDecision[];
  /** The decision with this id, the `index`th of a batch; undefined if it is not in memory. */
  find(decisionId: string, index: number): RecentDecision | undefined;
  /** The greatest sequence, 0 if nothing was decided. */
  readonly latest: number;
  readonly kept: number;
  readonly capacity: number;
}

/** How this replica is, for operators. No ids but those of accounts that configuration names. */
export interface OperatorState {
  readonly ready: boolean;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly breakers: Readonly<Record<string, string>>;
  readonly caches: readonly CacheFigures[];
  readonly watch: WatchFigures;
  /** Settings that bear on decisions, by their key. */
  readonly flags: Readonly<Record<string, string>>;
  readonly latencies: readonly LatencySeries[];
  readonly rollout: RolloutFigures;
}

export interface CacheFigures {
  readonly name: 'parents' | 'decisions';
  readonly enabled: boolean;
  readonly entries: number;
  readonly capacity: number;
}

export interface WatchFigures {
  readonly isFollowing: boolean;
  readonly changedObjects: number;
  /** Milliseconds since something was last told; undefined if nothing was. */
  readonly lastWordMs: number | undefined;
}

export interface LatencySeries {
  readonly method: string;
  readonly transport: string;
  /** Milliseconds, ascending. */
  readonly upperBoundsMs: readonly number[];
  /** In each bucket alone; one more than there are bounds. */
  readonly counts: readonly number[];
}

/** How far accounts are. */
export interface RolloutFigures {
  /** Where the flags are told: `static` is the configuration. */
  readonly provider: 'static' | 'flagd';
  /** Which flags can't be told, in words that are safe to show; undefined if none. */
  readonly problem: string | undefined;
  /** Where flags can't be told, and where nothing else is said. */
  readonly safeDefault: { readonly enforcement: Enforcement; readonly dualWrite: DualWrite };
  /** What the gates say; empty where configuration names neither accounts nor types. */
  readonly rows: readonly RolloutRow[];
  readonly accountsLeftOut: number;
}

/** What is the same of some types in one account. */
export interface RolloutRow {
  /** Undefined: every account that is not named. */
  readonly account: string | undefined;
  readonly types: readonly string[];
  readonly enforcement: Enforcement;
  readonly dualWrite: DualWrite;
}
