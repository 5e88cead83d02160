import type { v1 } from '@authzed/authzed-node';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { UnavailableError } from '../../src/domain/errors.ts';
import { followChanges } from '../../src/relationships/spicedb-changes.ts';
import type { SpiceDbClient, StreamEvents } from '../../src/relationships/spicedb-client.ts';
import { SYSTEM_CLOCK } from '../support/spicedb.ts';

const SCHEMA = 'definition usr {}\ndefinition task {\n relation owner: usr\n}';
const SOON = { timeout: 5_000, interval: 5 };

/** A SpiceDB whose Watch says what the test says; `watches` has one entry for each time that it was opened. */
function setUp({ schema = SCHEMA, silenceMs = 'off' }: { schema?: string; silenceMs?: number | 'off' } = {}) {
  const watches: StreamEvents<v1.WatchResponse>[] = [];
  const told: string[] = [];
  const lost: unknown[] = [];
  const answered: string[] = [];
  const answers = {
    schemaText: schema,
    read: async () => ({ schemaText: answers.schemaText, readAt: { token: `read ${watches.length}` } }),
  };
  const client = {
    call: async () => answers.read(),
    stream(_method: unknown, _request: unknown, _context: unknown, events: StreamEvents<v1.WatchResponse>) {
      watches.push(events);
      return { cancel: () => undefined };
    },
    close: () => undefined,
  } as unknown as SpiceDbClient;
  const listener = {
    followed: ({ token }: { token: string }) => void told.push(`followed ${token}`),
    changed: (objects: readonly { type: string; id: string }[], token: string) =>
      void told.push(`changed ${objects.map(({ type, id }) => `${type}:${id}`).join()} ${token}`),
    asking: () => (token: string) => void answered.push(token),
    lost: () => void told.push('lost'),
  };
  const changes = followChanges(
    { client, clock: SYSTEM_CLOCK, listener, onLost: (error) => lost.push(error) },
    { timeoutMs: 1_000, silenceMs },
  );
  cleanUps.push(() => changes.close());
  return {
    watches,
    told,
    lost,
    answered,
    answers,
    opened: async (count: number) => vi.waitFor(() => expect(watches).toHaveLength(count), SOON),
  };
}

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

function message(fields: Partial<v1.WatchResponse>): v1.WatchResponse {
  return { updates: [], schemaUpdated: false, isCheckpoint: false, ...fields } as v1.WatchResponse;
}

const change = {
  updates: [{ operation: 2, relationship: { resource: { objectType: 'task', objectId: 't' }, relation: 'owner' } }],
} as Partial<v1.WatchResponse>;

describe('followChanges', () => {
  test('tells changes in their order, and nothing of checkpoints', async () => {
    const { watches, told, opened } = setUp();
    await opened(1);
    watches[0]?.onMessage(message({ isCheckpoint: true, changesThrough: { token: 'c' } }));
    watches[0]?.onMessage(message({ ...change, changesThrough: { token: 'one' } }));
    watches[0]?.onMessage(message({ ...change, changesThrough: { token: 'two' } }));
    expect(told).toEqual(['followed read 0', 'changed task:t one', 'changed task:t two']);
  });

  test.each<[string, (watch: StreamEvents<v1.WatchResponse>) => void]>([
    ['the stream breaks', (watch) => watch.onEnd(new UnavailableError('spicedb'))],
    ['the stream ends', (watch) => watch.onEnd(undefined)],
    ['the schema changes', (watch) => watch.onMessage(message({ schemaUpdated: true }))],
    ['changes come without a revision', (watch) => watch.onMessage(message(change))],
  ])('is lost and begins anew, from a newer revision, when %s', async (_, happen) => {
    const { watches, told, opened } = setUp();
    await opened(1);
    const [watch] = watches;
    if (watch === undefined) throw new Error('no watch');
    happen(watch);
    await opened(2);
    expect(told).toEqual(['followed read 0', 'lost', 'followed read 1']);
  });

  test('asks a silent SpiceDB whether it is there, and is lost when it does not answer', async () => {
    vi.useFakeTimers();
    cleanUps.push(() => vi.useRealTimers());
    const { told, lost, answered, answers } = setUp({ silenceMs: 500 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(told).toEqual(['followed read 0']);
    expect(answered).toEqual(Array.from({ length: 10 }, () => 'read 1'));
    answers.read = async () => {
      throw new UnavailableError('spicedb');
    };
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['followed read 0', 'lost']);
    expect(lost.length).toBeGreaterThan(0);
  });

  test('is lost when a silent SpiceDB says no revision', async () => {
    vi.useFakeTimers();
    cleanUps.push(() => vi.useRealTimers());
    const { told, answered, answers } = setUp({ silenceMs: 500 });
    await vi.advanceTimersByTimeAsync(400);
    answers.read = async () => ({ schemaText: SCHEMA, readAt: { token: '' } });
    await vi.advanceTimersByTimeAsync(200);
    expect([told, answered]).toEqual([['followed read 0', 'lost'], []]);
  });

  test('begins anew when the schema has changed and Watch did not say so', async () => {
    vi.useFakeTimers();
    cleanUps.push(() => vi.useRealTimers());
    const { told, answers } = setUp({ silenceMs: 500 });
    await vi.advanceTimersByTimeAsync(1_000);
    answers.schemaText = `${SCHEMA}\ndefinition other {}`;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toEqual(['followed read 0', 'lost']);
    vi.useRealTimers();
    await vi.waitFor(() => expect(told).toEqual(['followed read 0', 'lost', 'followed read 1']), SOON);
  });

  test('never says that it follows a schema whose relationships expire', async () => {
    const { told, opened } = setUp({ schema: `use expiration\n${SCHEMA}` });
    await opened(1);
    expect(told).toEqual([]);
  });
});
