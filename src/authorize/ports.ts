import type { Consistency } from '../domain/consistency.ts';
import type { DecisionKind, Evidence, Outcome } from '../domain/decision.ts';
import type { TaskgateError } from '../domain/errors.ts';
import type { MappedPermission } from '../domain/mapped-permissions.ts';
import type { Principal } from '../domain/principal.ts';
import type { Difference, Enforcement, LegacyAnswer } from '../domain/rollout.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { Span } from './ports-tracing.ts';

/** What bounds one request: every remote call made for it ends when `signal` aborts or `deadlineAtMs` passes. */
export interface CallContext {
  /** Aborts when the caller is gone or the deadline passes; the reason is a `TaskgateError`. */
  readonly signal: AbortSignal;
  /** When the answer is no longer wanted, in `Clock.nowMs` time. */
  readonly deadlineAtMs: number;
  /** The work that the request is made for, if it is traced. */
  readonly span?: Span | undefined;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

/** One question to the parent lookup: which `parentType` does the `type` with this id or name hang off? */
export interface ParentKey {
  readonly type: string;
  readonly by: 'id' | 'name';
  readonly value: string;
  /** The type that is looked for. The same as `type` when a name is resolved to the id of a registered resource. */
  readonly parentType: string;
}

/** An answer, an absence, or a fault: three branches that never meet. */
export type ParentResult =
  | { readonly kind: 'found'; readonly id: string; readonly source?: ParentOrigin }
  | { readonly kind: 'absent'; readonly source?: ParentOrigin }
  | { readonly kind: 'failed'; readonly error: TaskgateError };

/** The layer that a result came from, where it is not the memory of this process; `none`: nobody had to be asked. */
export type ParentOrigin = Exclude<Evidence['parent'], 'memory'>;

/**
 * What a result is good for. A parent that was found is kept far longer than an absence. For `denial` it counts no longer
 * than that, so that what is denied is looked up as often as what is absent, whoever else has looked it up before.
 */
export type LookupPurpose = 'any' | 'denial';

/** Child → parent. */
export interface ParentLookup {
  /**
   * As many results as keys, in their order. Never rejects: a fault is the result `failed` of the keys that it hit.
   *
   * @param purpose default `any`
   */
  lookup(keys: readonly ParentKey[], context: CallContext, purpose?: LookupPurpose): Promise<readonly ParentResult[]>;
  /** What `lookup` would answer without asking anybody; undefined if it would have to. Only of layers that can tell. */
  peek?(key: ParentKey, purpose?: LookupPurpose): ParentResult | undefined;
}

/** The layers of the parent lookup that something can be told of, in the order that a lookup meets them. */
export type ParentLayer = 'memory' | 'redis' | 'database';

/** What became of some keys in one layer: a closed set, so that it can label a counter. */
export type ParentOutcome = 'hit' | 'miss' | 'rejected' | 'fault' | 'write_fault';

/** Told what the parent layers do. Never throws and never waits. */
export interface ParentObserver {
  counted(layer: ParentLayer, outcome: ParentOutcome, count: number): void;
  /** So many results are kept in memory. */
  kept?(entries: number): void;
  /** A dependency failed, or its answer could not be used. */
  faulted(layer: ParentLayer, error: unknown): void;
}

/** What a permission is asked on. */
export type RelationshipObject =
  | { readonly kind: 'resource'; readonly type: string; readonly id: string }
  | { readonly kind: 'tenant'; readonly account: string }
  /** A registered stand-in for a resource that is absent, so that absence costs what a denial costs. */
  | { readonly kind: 'sentinel'; readonly type: string; readonly index: number };

/** One question to the relationships: does the principal hold the permission on the object? */
export interface RelationshipCheck {
  readonly object: RelationshipObject;
  readonly permission: string;
  readonly principal: Principal;
  /**
   * What was asked, where a lookup led from it to the object. A denial is known of that alone: were it known of the object,
   * what hangs off a denied object would be answered faster than what is absent.
   */
  readonly askedAs?: string | undefined;
  /** True: its answer is held until the clock says nothing of it, so it needs no company for that. */
  readonly isHeld?: boolean;
}

/** `denied` includes a conditional answer (a caveat whose context is missing). */
export type RelationshipResult =
  | { readonly kind: 'held' | 'denied'; /** Absent: it was known already. */ readonly source?: 'spicedb' }
  | { readonly kind: 'failed'; readonly error: TaskgateError };

export interface CheckedRelationships {
  /** As many results as checks, in their order. */
  readonly results: readonly RelationshipResult[];
  /** The revision (ZedToken) that all of them were read at. */
  readonly checkedAt: string;
}

/** The relationship engine. */
export interface Relationships {
  /**
   * Answers up to 10,000 checks, all at one revision.
   *
   * @throws TaskgateError when nothing could be told. A fault of single items is their result `failed`.
   */
  check(
    checks: readonly RelationshipCheck[],
    consistency: Consistency,
    context: CallContext,
  ): Promise<CheckedRelationships>;
  /**
   * What a check of minimise-latency would answer without asking anybody; undefined if it would have to. Only of layers
   * that can tell.
   */
  peek?(check: RelationshipCheck): PeekedRelationship | undefined;
}

/** One answer that is known already, and the revision that it was read at. */
export interface PeekedRelationship {
  readonly result: RelationshipResult;
  readonly checkedAt: string;
}

/** All that a principal holds a permission on. */
export interface HeldList {
  /** Ids as the application writes them, ascending, each once. What is held only conditionally is not among them. */
  readonly ids: readonly string[];
  /** The revision (ZedToken) that they were read at; undefined if there are none. */
  readonly readAt: string | undefined;
}

export interface HeldLister {
  /**
   * Lists the objects of a type, at a revision that satisfies `consistency`, or at exactly `snapshot`.
   *
   * @throws FailedPreconditionError if `snapshot` is gone.
   * @throws TaskgateError when the list could not be told whole.
   */
  list(
    question: { readonly type: string; readonly permission: string; readonly principal: Principal },
    at: { readonly consistency: Consistency; readonly snapshot: string | undefined },
    context: CallContext,
  ): Promise<HeldList>;
}

/** Chooses sentinels, from 0 to the number of registered ones, exclusive. No two pairs are alike for a long time. */
export interface SentinelPicker {
  /** What stands in for an absent resource. */
  standIn(): number;
  /** What is asked beside a resource, there or absent. */
  companion(): number;
}

/** Decides one check: at once if nobody has to be asked. Never throws; a promise of it never rejects. */
export type DecideCheck = (principal: Principal, check: TaskCheck, context: CallContext) => Outcome | Promise<Outcome>;

/** Decides any number of checks for one principal; as many outcomes as checks, in their order. Never rejects. */
export type DecideChecks = (
  principal: Principal,
  checks: readonly TaskCheck[],
  context: CallContext,
) => Promise<readonly Outcome[]>;

/** The call that a decision is made for. */
export interface AskedBy {
  readonly decisionId: string;
  /** The name of the program that asks. */
  readonly caller: string;
  /** When the call began, in milliseconds of the process's monotonic clock. */
  readonly startedAtMs: number;
  /** Of the trace that the call belongs to, if it is sampled. */
  readonly traceId?: string | undefined;
}

/** What is known of one decision, for the log and the counters. Never for the caller. */
export interface DecisionRecord extends AskedBy {
  /** Its kind is a definition of the schema where that was asked; then it may have no account. */
  readonly principal: { readonly kind: string; readonly id: string; readonly account?: string };
  readonly type: string;
  /** An operation, or a permission where the schema was asked. */
  readonly operation: string;
  readonly outcome: DecisionKind | 'ERROR';
  /** Why, in a closed set of words: `held`, `denied`, `absent`, or the error's class. */
  readonly reason: string;
  /** How far the account is with the type; absent where it is enforced and nothing else intervened. */
  readonly enforcement?: Enforcement;
  /** What the application's own rule says, if it said so. */
  readonly legacy?: LegacyAnswer;
  /** What was decided beside the answer, and how the two compare. */
  readonly shadow?: { readonly outcome: DecisionKind | 'ERROR' | 'DROPPED'; readonly reason?: string };
  readonly difference?: Difference;
  /** True: the principal is trusted, and nobody was asked. */
  readonly bypass?: boolean;
  /** What was asked, as the caller wrote it; absent where the schema was asked. */
  readonly check?: TaskCheck;
  /** Absent where nothing was decided. */
  readonly evidence?: Evidence | undefined;
  /** When the answer was known, by the same clock. Absent: now, as it is recorded. */
  readonly answeredAtMs?: number;
}

/** A record of a check, whose principal is one of taskgate's own kinds. */
export type CheckRecord = DecisionRecord & { readonly principal: Principal; readonly check: TaskCheck };

export interface DecisionLog {
  /** Never throws and never waits. */
  record(record: DecisionRecord): void;
}

/** Told of principals that are told "not found" again and again. Never throws and never waits. */
export interface HiddenDenialObserver {
  /** The principal has just become a suspect. */
  suspected(principal: Principal): void;
  /** A call of the principal was refused. */
  throttled(): void;
}

/** What there is to see of all principals together. */
export interface HiddenDenialFigures {
  /** The hidden denials in the last window of the principal that has most. */
  readonly highest: number;
  readonly suspects: number;
}

/** How a call came in. `http`: through a door that is no RPC. */
export type Transport = 'grpc' | 'connect' | 'http';

/** One call that has ended. */
export interface EndedCall {
  readonly method: string;
  readonly transport: Transport;
  /** The gRPC status code; 0 is OK. */
  readonly code: number;
  readonly durationMs: number;
  readonly decisionId: string;
  readonly traceId?: string | undefined;
  /** The name of the program that asked; absent if it could not be told. */
  readonly caller?: string | undefined;
  readonly error?: TaskgateError | undefined;
}

export interface CallObserver {
  /** Never throws and never waits. */
  ended(call: EndedCall): void;
}

/** One relationship to write. */
export interface Relationship {
  readonly object: RelationshipObject;
  readonly relation: string;
  readonly subject: RelationshipSubject;
}

export type RelationshipSubject =
  | { readonly kind: 'principal'; readonly principalKind: Principal['kind']; readonly id: string }
  | { readonly kind: 'object'; readonly object: RelationshipObject }
  /** Every principal of the kind whose account is `account`: the tenant gate's caveated wildcard. */
  | { readonly kind: 'account_members'; readonly principalKind: Principal['kind']; readonly account: string };

export interface SchemaCheck {
  /**
   * The mapped permissions that the schema in SpiceDB lacks; empty when it holds them all.
   *
   * @throws TaskgateError when SpiceDB could not be asked.
   */
  missingPermissions(mapped: readonly MappedPermission[], context: CallContext): Promise<readonly MappedPermission[]>;
}
