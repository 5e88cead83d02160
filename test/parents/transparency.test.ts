import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { ParentKey } from '../../src/authorize/ports.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { ParentSource } from '../../src/parents/parent-chain.ts';
import { createParentChain } from '../../src/parents/parent-chain.ts';
import { toParentKeyText } from '../../src/parents/parent-key.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { EXPIRY, KEY_RING, SILENT } from './fixtures.ts';

const SOURCES: readonly ParentSource[] = [
  { kind: 'postgres', type: 'task', table: 'tasks', id: 'id', name: 'name', parents: {} },
  { kind: 'postgres', type: 'message', table: 'messages', id: 'id', parents: { task: 'task_id' } },
  { kind: 'postgres', type: 'event', table: 'events', id: 'id', parents: { agent: 'agent_id', task: 'task_id' } },
];
const key = (type: string, value: string, parentType = 'task', by: ParentKey['by'] = 'id'): ParentKey => ({
  type,
  by,
  value,
  parentType,
});
const KEYS: readonly ParentKey[] = [
  ...['msg-1', 'msg-5', 'msg-9', 'msg-orphan', 'msg-none', 'MSG-1', 'event-1'].map((id) => key('message', id)),
  ...['quarterly-report', 'task-1', 'no-such-name'].map((name) => key('task', name, 'task', 'name')),
  ...['event-1', 'event-none'].flatMap((id) => [key('event', id, 'agent'), key('event', id, 'task')]),
];

let database: TestDatabase;
let sql: Sql;
let redis: Redis;
beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]);
  sql = createPostgresSql({
    url: database.url,
    poolSize: 4,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
  const client = createRedisClient(
    { mode: 'single', url: inject('redisUrl'), tls: false, timeoutMs: 1_000 },
    () => undefined,
  );
  await once(client, 'ready');
  redis = client as Redis;
});
afterAll(async () => {
  redis.disconnect();
  await sql.close();
  await database[Symbol.asyncDispose]();
});

function chainOf(keyPrefix: string | undefined, memoryMaxEntries: number | 'off') {
  return createParentChain(
    { clock: SYSTEM_CLOCK, sql, observer: SILENT, ...(keyPrefix === undefined ? {} : { redis }) },
    {
      sources: SOURCES,
      expiry: EXPIRY,
      memoryMaxEntries,
      ...(keyPrefix === undefined ? {} : { redis: { keyPrefix, keyRing: KEY_RING, timeoutMs: 1_000 } }),
      postgres: { timeoutMs: 5_000, maxBatchSize: 100, maxConcurrentBatches: 4 },
    },
  );
}

test('caches change no result: off, cold, warm, tiny, or full of garbage', async () => {
  const plain = chainOf(undefined, 'off');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
      fc.uint8Array({ maxLength: 80 }),
      async (calls, garbage) => {
        const prefix = randomUUID();
        const cached = chainOf(prefix, 1_000);
        const tiny = chainOf(prefix, 1);
        const poisoned = chainOf(`${prefix}-poisoned`, 1_000);
        for (const one of KEYS)
          await redis.set(`${prefix}-poisoned:parent:${toParentKeyText(one)}`, Buffer.from(garbage), 'PX', 60_000);
        for (const keys of calls) {
          const expected = await plain.lookup(keys, callContext());
          for (const chain of [cached, cached, tiny, poisoned]) {
            expect(await chain.lookup(keys, callContext())).toEqual(expected);
            await chain.settled();
          }
        }
      },
    ),
    { numRuns: 25 },
  );
});
