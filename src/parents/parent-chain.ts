import type { ParentInspector } from '../authorize/ports-explain.ts';
import type { Clock, ParentLookup, ParentObserver, ParentOrigin } from '../authorize/ports.ts';
import { InternalError } from '../domain/errors.ts';
import { createExpiry } from './expiry.ts';
import type { ExpiryOptions, KeptUntilMs } from './expiry.ts';
import { createParentInspector } from './inspect-parents.ts';
import { lookupInParts } from './lookup-in-parts.ts';
import type { MemoryParents } from './memory-parents.ts';
import { createMemoryParents } from './memory-parents.ts';
import { createMarkedParents } from './marked-parents.ts';
import type { PostgresSource } from './postgres-catalogue.ts';
import type { PostgresParentsOptions } from './postgres-parents.ts';
import { createPostgresParents } from './postgres-parents.ts';
import type { RedisCommands, RedisParents, RedisParentsOptions } from './redis-parents.ts';
import { createRedisParents } from './redis-parents.ts';
import { SAME_ID_PARENTS } from './same-id-parents.ts';
import { createSharedFlightParents } from './shared-flight-parents.ts';
import { createTracedParents } from './traced-parents.ts';
import type { QueryBounds, Sql } from './sql.ts';

/** Where the parents of a type's resources are looked up. */
export type ParentSource =
  | ({ readonly kind: 'postgres' } & PostgresSource)
  | { readonly kind: 'same_id'; readonly type: string; readonly parentType: string };

export interface ParentChainDeps {
  readonly clock: Clock;
  readonly sql: Sql;
  /** Without it there is no Redis layer. */
  readonly redis?: RedisCommands;
  readonly observer: ParentObserver;
  /** From 0 to 1. Default `Math.random`. */
  readonly random?: () => number;
}

export interface ParentChainOptions {
  readonly sources: readonly ParentSource[];
  readonly expiry: ExpiryOptions;
  /** Entries kept in memory; `off` for none. */
  readonly memoryMaxEntries: number | 'off';
  /** Needed with `redis`. */
  readonly redis?: RedisParentsOptions;
  readonly postgres: PostgresParentsOptions;
  /** True: each result says which layer it came from. Default false. */
  readonly tellsOrigins?: boolean;
}

export interface ParentChain extends ParentLookup {
  /** Shows operators what each layer says. */
  readonly inspector: ParentInspector;
  /** Entries kept in memory; 0 without that layer. */
  size(): number;
  /** See `PostgresParents.check`. */
  check(bounds: QueryBounds): Promise<void>;
  /** Resolves when nothing is on its way to Redis. */
  settled(): Promise<void>;
}

const SILENT: ParentObserver = { counted: () => undefined, faulted: () => undefined };

/** The only place that stacks the layers: memory ▶ shared flight ▶ Redis ▶ the sources. */
export function createParentChain(deps: ParentChainDeps, options: ParentChainOptions): ParentChain {
  const { clock, observer } = deps;
  const expiryOf = createExpiry(options.expiry, deps.random ?? Math.random);
  const keptUntilMs: KeptUntilMs = new WeakMap();
  const layer = { clock, observer, expiryOf, keptUntilMs };
  const tables = options.sources.filter((source) => source.kind === 'postgres').filter(isLookedUp);
  const postgres = createPostgresParents({ sql: deps.sql, sources: tables, observer }, options.postgres);

  const mark = (marked: ParentLookup, source: ParentOrigin): ParentLookup =>
    options.tellsOrigins === true ? createMarkedParents({ next: marked, keptUntilMs }, source) : marked;
  let next = createTracedParents({ next: mark(postgres, 'database') }, 'parents.database');
  let redis: RedisParents | undefined;
  if (deps.redis !== undefined && options.redis !== undefined) {
    redis = createRedisParents({ ...layer, next, redis: deps.redis }, options.redis);
    next = createTracedParents({ next: mark(redis, 'redis') }, 'parents.redis');
  }
  const timeoutMs = (options.redis?.timeoutMs ?? 0) + options.postgres.timeoutMs;
  next = createSharedFlightParents({ next, clock }, { timeoutMs });
  let memory: MemoryParents | undefined;
  if (options.memoryMaxEntries !== 'off') {
    memory = createMemoryParents({ ...layer, next }, { maxEntries: options.memoryMaxEntries });
    next = memory;
  }
  // With an observer of its own: what operators look at is not counted.
  const database = createPostgresParents({ sql: deps.sql, sources: tables, observer: SILENT }, options.postgres);
  next = createTracedParents({ next }, 'parents');
  return {
    ...routeBySource(next, mark(SAME_ID_PARENTS, 'none'), options.sources),
    inspector: createParentInspector({ memory, redis, database }, { sources: options.sources }),
    size: () => memory?.size() ?? 0,
    check: async (bounds) => postgres.check(bounds),
    settled: async () => redis?.settled(),
  };
}

/** A registered type without a name is never looked up: its table is not this chain's business. */
function isLookedUp({ name, parents }: PostgresSource): boolean {
  return name !== undefined || Object.keys(parents).length > 0;
}

/** Types whose id is their parent's need no layer at all; a key without a source is a defect of the configuration. */
function routeBySource(chain: ParentLookup, sameId: ParentLookup, sources: readonly ParentSource[]): ParentLookup {
  const kinds = new Map(sources.map(({ type, kind }) => [type, kind]));
  const noSource: ParentLookup = {
    async lookup(keys) {
      return keys.map(({ type }) => ({ kind: 'failed', error: new InternalError({ cause: `no source for ${type}` }) }));
    },
  };
  const routeOf = (type: string): ParentLookup => {
    const kind = kinds.get(type);
    if (kind === undefined) return noSource;
    return kind === 'same_id' ? sameId : chain;
  };
  return {
    peek: (key, purpose) => routeOf(key.type).peek?.(key, purpose),
    lookup: async (keys, context, purpose) =>
      lookupInParts(
        keys,
        ({ type }) => routeOf(type),
        async (route, routed) => route.lookup(routed, context, purpose),
      ),
  };
}
