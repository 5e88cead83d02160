import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { ParentKey } from '../../src/authorize/ports.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { ParentChain } from '../../src/parents/parent-chain.ts';
import { createParentChain } from '../../src/parents/parent-chain.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { RedisClient } from '../../src/parents/redis-client.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase, execute } from '../support/test-database.ts';
import { ABSENT, countQueries, createClock, EXPIRY, found, KEY_RING, messageKey, SILENT } from './fixtures.ts';

let database: TestDatabase;
let sql: Sql;
let redis: RedisClient;
beforeAll(async () => {
  database = await createTestDatabase(inject('postgresUrl'), [loadSampleTables(), loadSampleRows()]);
  sql = createPostgresSql({
    url: database.url,
    poolSize: 2,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
  redis = createRedisClient({ mode: 'single', url: inject('redisUrl'), tls: false, timeoutMs: 1_000 }, () => undefined);
  await once(redis, 'ready');
});
afterAll(async () => {
  redis.disconnect();
  await sql.close();
  await database[Symbol.asyncDispose]();
});

/** Replicas that share Redis and a clock, each with a memory of its own. */
function setUp() {
  const clock = createClock(Date.now());
  const counted = countQueries(sql);
  const keyPrefix = randomUUID();
  const startReplica = (): ParentChain =>
    createParentChain(
      { clock, sql: counted, redis, observer: SILENT },
      {
        sources: [
          { kind: 'postgres', type: 'task', table: 'tasks', id: 'id', name: 'name', parents: {} },
          { kind: 'postgres', type: 'message', table: 'messages', id: 'id', parents: { task: 'task_id' } },
        ],
        expiry: EXPIRY,
        memoryMaxEntries: 100,
        redis: { keyPrefix, keyRing: KEY_RING, timeoutMs: 1_000 },
        postgres: { timeoutMs: 5_000, maxBatchSize: 100, maxConcurrentBatches: 2 },
      },
    );
  return { clock, counted, startReplica };
}

async function lookUp(replica: ParentChain, key: ParentKey) {
  const [result] = await replica.lookup([key], callContext());
  await replica.settled();
  return result;
}

test('a replica with an empty memory is warmed by Redis, without SQL', async () => {
  const { counted, startReplica } = setUp();
  expect(await lookUp(startReplica(), messageKey('msg-1'))).toEqual(found('task-1'));
  expect(counted.lookups()).toBe(1);
  expect(await lookUp(startReplica(), messageKey('msg-1'))).toEqual(found('task-1'));
  expect(counted.lookups()).toBe(1);
});

test('an absence that one replica read hides a new child on no replica for longer than its time', async () => {
  const { clock, startReplica } = setUp();
  const [first, second] = [startReplica(), startReplica()];
  const key = messageKey(`new-${randomUUID()}`);
  expect(await lookUp(first, key)).toEqual(ABSENT);
  await execute(database.url, `INSERT INTO messages (id, task_id) VALUES ('${key.value}', 'task-1')`);
  clock.advance(EXPIRY.absentTtlMs - 1);
  expect(await lookUp(second, key)).toEqual(ABSENT);
  clock.advance(1);
  expect(await lookUp(first, key)).toEqual(found('task-1'));
  expect(await lookUp(second, key)).toEqual(found('task-1'));
});

test('a name that was given to another task is the old one on no replica for longer than its time', async () => {
  const { clock, startReplica } = setUp();
  const [first, second] = [startReplica(), startReplica()];
  const name = `name-${randomUUID()}`;
  const key: ParentKey = { type: 'task', by: 'name', value: name, parentType: 'task' };
  await execute(database.url, `INSERT INTO tasks (id, name) VALUES ('old-${name}', '${name}')`);
  expect(await lookUp(first, key)).toEqual(found(`old-${name}`));
  await execute(
    database.url,
    `UPDATE tasks SET name = NULL WHERE id = 'old-${name}'; INSERT INTO tasks (id, name) VALUES ('new-${name}', '${name}')`,
  );
  clock.advance(EXPIRY.nameTtlMs - 1);
  expect(await lookUp(second, key)).toEqual(found(`old-${name}`));
  clock.advance(1);
  expect(await lookUp(second, key)).toEqual(found(`new-${name}`));
  expect(await lookUp(first, key)).toEqual(found(`new-${name}`));
});
