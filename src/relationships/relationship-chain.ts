import type { Clock, HeldLister, Relationships, SchemaCheck, SentinelPicker } from '../authorize/ports.ts';
import type { CheckTracer } from '../authorize/ports-explain.ts';
import type { RelationshipReader, RelationshipWriter } from '../authorize/ports-lifecycle.ts';
import type { Policy } from '../authorize/ports-policy.ts';
import type { ChangeFigures, RelationshipObserver } from '../authorize/ports-observers.ts';
import { NO_RELATIONSHIP_OBSERVER } from '../authorize/ports-observers.ts';
import type { Breaker } from '../resilience/breaker.ts';
import type { RetryBudget } from '../resilience/retry-budget.ts';
import { createCoalescingRelationships } from './coalescing-relationships.ts';
import type { CoalescingOptions } from './coalescing-relationships.ts';
import { createCompanionRelationships } from './companion-relationships.ts';
import { createDecisionCache } from './decision-cache.ts';
import type { DecisionCacheOptions } from './decision-cache.ts';
import { createFreshRelationships } from './fresh-relationships.ts';
import { createFreshness } from './freshness.ts';
import type { Freshness, FreshnessOptions } from './freshness.ts';
import { createGuardedSpiceDbClient } from './guarded-spicedb-client.ts';
import { createLookupRelationships } from './lookup-relationships.ts';
import { createMarkedRelationships } from './marked-relationships.ts';
import { createObservedFreshness } from './observed-freshness.ts';
import { followChanges } from './spicedb-changes.ts';
import type { FollowChangesOptions } from './spicedb-changes.ts';
import { createSpiceDbClient } from './spicedb-client.ts';
import type { SpiceDbClient, SpiceDbOptions } from './spicedb-client.ts';
import { createSpiceDbLister } from './spicedb-lister.ts';
import { createSpiceDbPolicy } from './spicedb-policy.ts';
import { createSpiceDbReader } from './spicedb-reader.ts';
import { createSpiceDbRelationships } from './spicedb-relationships.ts';
import { createSpiceDbSchemaCheck } from './spicedb-schema-check.ts';
import { createSpiceDbTracer } from './spicedb-tracer.ts';
import { createTracedRelationships } from './traced-relationships.ts';
import { createTracedSpiceDbClient } from './traced-spicedb-client.ts';
import { createSpiceDbWriter } from './spicedb-writer.ts';

export interface RelationshipChainDeps {
  readonly clock: Clock;
  /** Told why changes may be missed. */
  readonly onChangesLost?: (error: unknown) => void;
  /** Guards all calls but those by which changes are followed. Default: nothing does. */
  readonly breaker?: Breaker;
  /** Default: retries have no budget. */
  readonly retryBudget?: RetryBudget;
  /** Default: nobody is told. */
  readonly observer?: RelationshipObserver;
}

export interface RelationshipChainOptions {
  readonly spiceDb: SpiceDbOptions;
  /** How checks are coalesced, or that they are not. Default: coalesced, with the defaults. */
  readonly coalescing?: CoalescingOptions | 'off';
  /** False: many checks of one principal are always made one by one. Default true. */
  readonly lookups?: boolean;
  /** Chooses what is asked beside what may be hidden. Default: the first sentinel. */
  readonly sentinels?: Pick<SentinelPicker, 'companion'>;
  /** How changes are followed and decisions kept, or that neither is done. Default: off. */
  readonly caching?: CachingOptions | 'off';
  /** True: each answer says if it had to be asked for. Default false. */
  readonly tellsOrigins?: boolean;
}

export type CachingOptions = DecisionCacheOptions & FreshnessOptions & Pick<FollowChangesOptions, 'silenceMs'>;

/** SpiceDB as the use cases see it. */
export interface RelationshipChain {
  readonly relationships: Relationships;
  readonly writer: RelationshipWriter;
  readonly reader: RelationshipReader;
  readonly lister: HeldLister;
  readonly policy: Policy;
  readonly schemaCheck: SchemaCheck;
  /** Shows operators how a check comes about. */
  readonly tracer: CheckTracer;
  /** Decisions that are kept; 0 without the cache. */
  decisions(): number;
  readonly client: SpiceDbClient;
  /** True while every change is followed, and decisions are kept. */
  isFollowing(): boolean;
  figures(): ChangeFigures & ReturnType<Freshness['figures']>;
  /** Ends the connections. Calls that are under way fail. */
  close(): void;
}

const FIRST_SENTINEL = { companion: () => 0 };

/**
 * The only place that stacks the layers: decision cache ▶ freshness floors ▶ lookups ▶ coalescing ▶ companions ▶ breaker
 * ▶ client. Floors from own writes hold whether or not changes are followed. Following has no breaker in its way: it asks
 * little, it has its own time limits, and what it is told must not depend on how calls fare.
 */
export function createRelationshipChain(
  {
    clock,
    onChangesLost = () => undefined,
    breaker,
    retryBudget,
    observer = NO_RELATIONSHIP_OBSERVER,
  }: RelationshipChainDeps,
  {
    spiceDb,
    coalescing = {},
    lookups = true,
    sentinels = FIRST_SENTINEL,
    caching = 'off',
    tellsOrigins = false,
  }: RelationshipChainOptions,
): RelationshipChain {
  const channel = createSpiceDbClient({ clock, ...(retryBudget === undefined ? {} : { retryBudget }) }, spiceDb);
  const guarded =
    breaker === undefined ? channel : createGuardedSpiceDbClient({ client: channel, breaker, clock }, spiceDb);
  const client = createTracedSpiceDbClient({ client: guarded });
  const spiceDbRelationships = createCompanionRelationships({
    inner: createSpiceDbRelationships({ client }),
    sentinels,
  });
  const { freshness, figures } = createObservedFreshness({
    inner: createFreshness({ clock }, caching === 'off' ? {} : caching),
    observer,
    clock,
  });
  const common = {
    writer: createSpiceDbWriter({ client, freshness }),
    reader: createSpiceDbReader({ client, freshness }),
    lister: createSpiceDbLister({ client, freshness }),
    policy: createSpiceDbPolicy({ client, freshness }),
    schemaCheck: createSpiceDbSchemaCheck({ client }),
    client,
    figures: () => ({ ...freshness.figures(), ...figures() }),
  };
  const coalesced =
    coalescing === 'off'
      ? spiceDbRelationships
      : createCoalescingRelationships({ inner: spiceDbRelationships, observer }, coalescing);
  const checked = lookups ? createLookupRelationships({ inner: coalesced, client }) : coalesced;
  const floored = createFreshRelationships({ inner: checked, freshness, observer });
  const fresh = createTracedRelationships({
    inner: tellsOrigins ? createMarkedRelationships({ inner: floored }) : floored,
  });
  if (caching === 'off') {
    return {
      ...common,
      tracer: createSpiceDbTracer({ client, freshness, cached: () => undefined }),
      relationships: fresh,
      decisions: () => 0,
      isFollowing: () => false,
      close: () => client.close(),
    };
  }
  const changes = followChanges(
    { client: channel, clock, listener: freshness.listener, onLost: onChangesLost },
    { timeoutMs: spiceDb.timeoutMs, ...caching },
  );
  const cache = createDecisionCache({ inner: fresh, freshness, clock, observer }, caching);
  return {
    ...common,
    tracer: createSpiceDbTracer({ client, freshness, cached: (check) => cache.inspect(check) }),
    relationships: cache,
    decisions: () => cache.size(),
    isFollowing: () => freshness.now() !== undefined,
    close() {
      changes.close();
      client.close();
    },
  };
}
