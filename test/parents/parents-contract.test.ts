import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ParentKey, ParentLookup } from '../../src/authorize/ports.ts';
import { startEmbeddedDatabase } from '../../src/embedded/embedded-database.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import type { ParentSource } from '../../src/parents/parent-chain.ts';
import { createParentChain } from '../../src/parents/parent-chain.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import type { TestDatabase } from '../support/test-database.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { ABSENT, EXPIRY, found, KEY_RING, messageKey, SILENT } from './fixtures.ts';

const ODD_IDS = [
  "o'brien",
  'per%cent',
  'under_score',
  '任務',
  'x'.repeat(1024),
  'line\nbreak',
  'back\\slash',
  '"quoted"',
];
const EXTRA_ROWS = `
  CREATE TABLE notes (id text PRIMARY KEY, task_id text);
  INSERT INTO notes VALUES ('note-1', 'task-1'), ('note-null', NULL), ('note-empty', '');
  INSERT INTO messages (id, task_id) VALUES ${ODD_IDS.map((id) => `('${id.replaceAll("'", "''")}', 'task-1')`).join()};
  INSERT INTO messages (id, task_id) SELECT 'many-' || n, 'task-' || n FROM generate_series(1, 500) n;`;
const SOURCES: readonly ParentSource[] = [
  { kind: 'postgres', type: 'task', table: 'tasks', id: 'id', name: 'name', parents: {} },
  { kind: 'postgres', type: 'message', table: 'public.messages', id: 'id', parents: { task: 'task_id' } },
  { kind: 'postgres', type: 'event', table: 'events', id: 'id', parents: { agent: 'agent_id', task: 'task_id' } },
  { kind: 'postgres', type: 'note', table: 'notes', id: 'id', parents: { task: 'task_id' } },
  { kind: 'same_id', type: 'checkpoint', parentType: 'task' },
];

interface Backend extends AsyncDisposable {
  readonly sql: Sql;
}

async function startRealDatabase(): Promise<Backend> {
  const database: TestDatabase = await createTestDatabase(inject('postgresUrl'), [
    loadSampleTables(),
    loadSampleRows(),
    EXTRA_ROWS,
  ]);
  const sql = createPostgresSql({
    url: database.url,
    poolSize: 4,
    connectTimeoutMs: 2_000,
    statementTimeoutMs: 5_000,
    onError: () => undefined,
  });
  return {
    sql,
    async [Symbol.asyncDispose]() {
      await sql.close();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function startPglite(): Promise<Backend> {
  const sql = await startEmbeddedDatabase({ setup: [loadSampleTables(), loadSampleRows(), EXTRA_ROWS] });
  return { sql, [Symbol.asyncDispose]: async () => sql.close() };
}

const DATABASES = { 'real Postgres': startRealDatabase, PGlite: startPglite };
const LAYERS = {
  'the source alone': { memory: false, redis: false },
  memory: { memory: true, redis: false },
  Redis: { memory: false, redis: true },
  'all layers': { memory: true, redis: true },
};

describe.each(Object.entries(DATABASES))('parents in %s', (_database, start) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await start();
  });
  afterAll(async () => backend[Symbol.asyncDispose]());

  describe.each(Object.entries(LAYERS))('through %s', (_layers, layers) => {
    let lookup: ParentLookup['lookup'];
    const closing: (() => void)[] = [];
    beforeAll(async () => {
      const redis = createRedisClient(
        { mode: 'single', url: inject('redisUrl'), tls: false, timeoutMs: 1_000 },
        () => undefined,
      );
      closing.push(() => redis.disconnect());
      await once(redis, 'ready');
      const chain = createParentChain(
        { clock: SYSTEM_CLOCK, sql: backend.sql, observer: SILENT, ...(layers.redis ? { redis } : {}) },
        {
          sources: SOURCES,
          expiry: EXPIRY,
          memoryMaxEntries: layers.memory ? 10_000 : 'off',
          ...(layers.redis ? { redis: { keyPrefix: randomUUID(), keyRing: KEY_RING, timeoutMs: 1_000 } } : {}),
          postgres: { timeoutMs: 5_000, maxBatchSize: 10_000, maxConcurrentBatches: 4 },
        },
      );
      // Twice: the second time from whatever keeps it.
      lookup = async (keys, context) => {
        const first = await chain.lookup(keys, context);
        await chain.settled();
        expect(await chain.lookup(keys, context)).toEqual(first);
        return first;
      };
    });
    afterAll(() => closing.splice(0).forEach((close) => close()));

    const key = (type: string, value: string, parentType = 'task', by: ParentKey['by'] = 'id'): ParentKey => ({
      type,
      by,
      value,
      parentType,
    });

    test('finds parents, names and both parents of an event, in the order that they are asked', async () => {
      const asked = [
        [key('event', 'event-1', 'agent'), found('agent-1')],
        [messageKey('no-such-message'), ABSENT],
        [messageKey('msg-1'), found('task-1')],
        [key('task', 'quarterly-report', 'task', 'name'), found('task-1')],
        [key('event', 'event-1', 'task'), found('task-1')],
        [key('checkpoint', 'any-thread'), found('any-thread')],
        [messageKey('msg-1'), found('task-1')],
        [key('note', 'note-1'), found('task-1')],
      ] as const;
      expect(
        await lookup(
          asked.map(([one]) => one),
          callContext(),
        ),
      ).toEqual(asked.map(([, result]) => result));
    });

    test('takes a child without a parent for absent, and one whose parent is no id for a fault', async () => {
      const [none, empty] = await lookup([key('note', 'note-null'), key('note', 'note-empty')], callContext());
      expect(none).toEqual(ABSENT);
      expect(empty).toMatchObject({ kind: 'failed', error: { name: 'UnavailableError' } });
    });

    test.each(ODD_IDS)('takes the id %j for what it is', async (id) => {
      const others = [id.toUpperCase(), `${id} `, ` ${id}`, `${id}%`].filter(
        (other) => other !== id && other.length <= 1024,
      );
      const results = await lookup([id, ...others].map(messageKey), callContext());
      expect(results).toEqual([found('task-1'), ...others.map(() => ABSENT)]);
    });

    test('answers a thousand at once', async () => {
      const keys = Array.from({ length: 1_000 }, (_, index) => messageKey(`many-${index + 1}`));
      const expected = keys.map((_, index) => (index < 500 ? found(`task-${index + 1}`) : ABSENT));
      expect(await lookup(keys, callContext())).toEqual(expected);
    });

    test('says that a type without a source, a name or such a parent is a defect', async () => {
      const keys = [key('invoice', 'i-1'), key('message', 'm', 'task', 'name'), key('message', 'msg-1', 'agent')];
      expect(await lookup(keys, callContext())).toMatchObject(
        keys.map(() => ({ kind: 'failed', error: { name: 'InternalError' } })),
      );
    });
  });
});
