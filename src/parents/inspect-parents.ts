import type { CallContext, ParentKey } from '../authorize/ports.ts';
import type { ParentInspector, ParentStep } from '../authorize/ports-explain.ts';
import { InternalError, UnavailableError } from '../domain/errors.ts';
import type { CacheableResult } from './parent-entry.ts';
import type { MemoryParents } from './memory-parents.ts';
import type { ParentSource } from './parent-chain.ts';
import type { PostgresParents } from './postgres-parents.ts';
import type { RedisParents } from './redis-parents.ts';

const SECOND_MS = 1_000;

/** Asks each layer by itself, so that one that is behind can be seen beside the others. */
export function createParentInspector(
  {
    memory,
    redis,
    database,
  }: {
    readonly memory: Pick<MemoryParents, 'inspect'> | undefined;
    readonly redis: Pick<RedisParents, 'inspect'> | undefined;
    readonly database: Pick<PostgresParents, 'lookup'>;
  },
  { sources }: { readonly sources: readonly ParentSource[] },
): ParentInspector {
  const sourceOf = new Map(sources.map((source) => [source.type, source]));

  async function inspectMemory(layer: Pick<MemoryParents, 'inspect'>, key: ParentKey): Promise<ParentStep> {
    const kept = layer.inspect(key);
    if (kept === undefined) return { layer: 'memory', result: { kind: 'miss' }, detail: 'nothing is kept of it' };
    return { layer: 'memory', result: kept.result, detail: describeKept(kept.result, kept.expiresInMs) };
  }

  async function inspectRedis(layer: Pick<RedisParents, 'inspect'>, key: ParentKey): Promise<ParentStep> {
    const entry = await layer.inspect(key);
    switch (entry.kind) {
      case 'kept':
        return { layer: 'redis', result: entry.result, detail: describeKept(entry.result, entry.expiresInMs) };
      case 'fault':
        return {
          layer: 'redis',
          result: { kind: 'failed', error: new UnavailableError('redis') },
          detail: 'it did not answer in its time: a miss',
        };
      case 'none':
        return { layer: 'redis', result: { kind: 'miss' }, detail: 'no entry' };
      case 'expired':
        return { layer: 'redis', result: { kind: 'miss' }, detail: 'an entry whose time is up' };
      case 'rejected':
        return { layer: 'redis', result: { kind: 'miss' }, detail: 'an entry that is not signed by us: not used' };
      default:
        return entry satisfies never;
    }
  }

  async function inspectDatabase(source: ParentSource, key: ParentKey, context: CallContext): Promise<ParentStep> {
    const [result] = await database.lookup([key], context);
    const where = describeRow(source, key);
    switch (result?.kind) {
      case 'found':
        return { layer: 'database', result, detail: `the row in ${where}` };
      case 'absent':
        return { layer: 'database', result, detail: `no row in ${where}` };
      case 'failed':
        return { layer: 'database', result, detail: `${result.error.message} (${where})` };
      case undefined:
        return { layer: 'database', result: { kind: 'failed', error: new InternalError() }, detail: 'no result' };
      default:
        return result satisfies never;
    }
  }

  return {
    async inspect(key, context) {
      const source = sourceOf.get(key.type);
      if (source?.kind === 'same_id') {
        const detail = `the id of a ${key.type} is that of its ${source.parentType}`;
        return [{ layer: 'same_id', result: { kind: 'found', id: key.value }, detail }];
      }
      if (source === undefined) {
        const error = new InternalError({ cause: `no source for ${key.type}` });
        return [{ layer: 'database', result: { kind: 'failed', error }, detail: 'no table is configured' }];
      }
      const steps = [
        ...(memory === undefined ? [] : [inspectMemory(memory, key)]),
        ...(redis === undefined ? [] : [inspectRedis(redis, key)]),
        inspectDatabase(source, key, context),
      ];
      return Promise.all(steps);
    },
  };
}

function describeKept({ kind }: CacheableResult, expiresInMs: number): string {
  const what = kind === 'absent' ? 'its absence is kept' : 'kept';
  return `${what}, for another ${Math.ceil(expiresInMs / SECOND_MS)} s`;
}

/** In the words of the configuration. */
function describeRow(source: ParentSource, { by, value }: ParentKey): string {
  if (source.kind !== 'postgres') return source.type;
  const column = by === 'id' ? source.id : (source.name ?? 'name');
  return `${source.table} with ${column} = ${JSON.stringify(value)}`;
}
