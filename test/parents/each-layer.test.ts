import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ParentKey, ParentLookup, ParentResult } from '../../src/authorize/ports.ts';
import { startEmbeddedDatabase } from '../../src/embedded/embedded-database.ts';
import { loadSampleRows, loadSampleTables } from '../../src/embedded/sample-data.ts';
import { createExpiry } from '../../src/parents/expiry.ts';
import { createMemoryParents } from '../../src/parents/memory-parents.ts';
import type { PostgresSource } from '../../src/parents/postgres-catalogue.ts';
import { createPostgresParents } from '../../src/parents/postgres-parents.ts';
import { createPostgresSql } from '../../src/parents/postgres-sql.ts';
import type { RedisClient } from '../../src/parents/redis-client.ts';
import { createRedisClient } from '../../src/parents/redis-client.ts';
import { createRedisParents } from '../../src/parents/redis-parents.ts';
import { createSharedFlightParents } from '../../src/parents/shared-flight-parents.ts';
import type { Sql } from '../../src/parents/sql.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { ABSENT, EXPIRY, found, KEY_RING, messageKey, SILENT } from './fixtures.ts';

/** Ids that a careless comparison takes for one another. Each is a row of its own, with a parent of its own. */
const TWINS: readonly string[] = [
  'twin',
  'Twin',
  'TWIN',
  'twin ',
  ' twin',
  'tw%n',
  'tw_n',
  'twin\n',
  'twin:',
  "tw'in",
  'tw"in',
  'tw\\in',
  'caf\u00E9',
  'cafe\u0301',
  'k',
  'K',
  '\u212A',
  '7',
  '07',
  '任務',
  'x'.repeat(1_024),
  'x'.repeat(1_023),
];
const parentOf = (index: number): string => `task-of-twin-${index}`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const SETUP = [
  loadSampleTables(),
  loadSampleRows(),
  `INSERT INTO messages (id, task_id) VALUES ${TWINS.map((id, index) => `(${literal(id)}, '${parentOf(index)}')`).join()};
   INSERT INTO messages (id, task_id) SELECT 'even-' || n, 'task-' || n FROM generate_series(0, 998, 2) n;
   CREATE TABLE notes (id text PRIMARY KEY, task_id text);
   INSERT INTO notes VALUES ('note-null', NULL);`,
];
const SOURCES: readonly PostgresSource[] = [
  { type: 'task', table: 'tasks', id: 'id', name: 'name', parents: {} },
  { type: 'message', table: 'messages', id: 'id', parents: { task: 'task_id' } },
  { type: 'event', table: 'events', id: 'id', parents: { agent: 'agent_id', task: 'task_id' } },
  { type: 'note', table: 'notes', id: 'id', parents: { task: 'task_id' } },
];

const DATABASES: Readonly<Record<string, () => Promise<Sql>>> = {
  'real Postgres': async () => {
    const database = await createTestDatabase(inject('postgresUrl'), SETUP);
    const sql = createPostgresSql({
      url: database.url,
      poolSize: 4,
      connectTimeoutMs: 2_000,
      statementTimeoutMs: 5_000,
      onError: () => undefined,
    });
    const close = async (): Promise<void> => {
      await sql.close();
      await database[Symbol.asyncDispose]();
    };
    return { ...sql, close };
  },
  PGlite: async () => startEmbeddedDatabase({ setup: SETUP }),
};

const layer = { clock: SYSTEM_CLOCK, observer: SILENT, expiryOf: createExpiry(EXPIRY, () => 0) };
const settledAlready = async (): Promise<void> => undefined;
type Stacked = ParentLookup & { settled(): Promise<void> };
const LAYERS: Readonly<Record<string, (next: ParentLookup, redis: RedisClient) => Stacked>> = {
  nothing: (next) => ({ ...next, settled: settledAlready }),
  memory: (next) => ({ ...createMemoryParents({ ...layer, next }, { maxEntries: 10_000 }), settled: settledAlready }),
  'a memory that is too small': (next) => ({
    ...createMemoryParents({ ...layer, next }, { maxEntries: 3 }),
    settled: settledAlready,
  }),
  'shared flight': (next) => ({
    ...createSharedFlightParents({ ...layer, next }, { timeoutMs: 5_000 }),
    settled: settledAlready,
  }),
  Redis: (next, redis) =>
    createRedisParents({ ...layer, next, redis }, { keyPrefix: randomUUID(), keyRing: KEY_RING, timeoutMs: 1_000 }),
};

describe.each(Object.entries(DATABASES))('over %s', (_database, open) => {
  let sql: Sql;
  let redis: RedisClient;
  beforeAll(async () => {
    sql = await open();
    redis = createRedisClient(
      { mode: 'single', url: inject('redisUrl'), tls: false, timeoutMs: 1_000 },
      () => undefined,
    );
    await once(redis, 'ready');
  });
  afterAll(async () => {
    redis.disconnect();
    await sql.close();
  });

  describe.each(Object.entries(LAYERS))('%s', (_layer, stack) => {
    let stacked: Stacked;
    beforeAll(() => {
      const postgres = createPostgresParents(
        { sql, sources: SOURCES, observer: SILENT },
        { timeoutMs: 5_000, maxBatchSize: 300, maxConcurrentBatches: 4 },
      );
      stacked = stack(postgres, redis);
    });

    /** Cold, and again from whatever keeps it. */
    async function expectResults(asked: readonly (readonly [ParentKey, ParentResult])[]): Promise<void> {
      for (const _temperature of ['cold', 'warm']) {
        const results = await stacked.lookup(
          asked.map(([key]) => key),
          callContext(),
        );
        expect(results).toEqual(asked.map(([, result]) => result));
        await stacked.settled();
      }
    }

    test('keeps the order of mixed types, duplicates, absences and children without a parent', async () => {
      await expectResults([
        [{ type: 'event', by: 'id', value: 'event-1', parentType: 'task' }, found('task-1')],
        [messageKey('no-such-message'), ABSENT],
        [{ type: 'event', by: 'id', value: 'event-1', parentType: 'agent' }, found('agent-1')],
        [messageKey('msg-1'), found('task-1')],
        [{ type: 'task', by: 'name', value: 'quarterly-report', parentType: 'task' }, found('task-1')],
        [{ type: 'task', by: 'name', value: 'task-1', parentType: 'task' }, ABSENT],
        [{ type: 'note', by: 'id', value: 'note-null', parentType: 'task' }, ABSENT],
        [messageKey('msg-1'), found('task-1')],
        [messageKey('event-1'), ABSENT],
        [messageKey('no-such-message'), ABSENT],
      ]);
    });

    test('takes no id for its twin', async () => {
      await expectResults(TWINS.map((id, index) => [messageKey(id), found(parentOf(index))]));
    });

    test('answers a thousand keys, found and absent in turn', async () => {
      await expectResults(
        Array.from({ length: 1_000 }, (_, n) => [messageKey(`even-${n}`), n % 2 === 0 ? found(`task-${n}`) : ABSENT]),
      );
    });

    test('gives nothing for nothing', async () => {
      await expectResults([]);
    });

    test('says that a type without a source is a defect, and answers the others', async () => {
      const unknown: ParentKey = { type: 'invoice', by: 'id', value: 'i-1', parentType: 'task' };
      const results = await stacked.lookup([unknown, messageKey('msg-1')], callContext());
      expect(results).toMatchObject([{ kind: 'failed', error: { name: 'InternalError' } }, found('task-1')]);
    });
  });
});
