import { v1 } from '@authzed/authzed-node';
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { TaskgateError } from '../../src/domain/errors.ts';
import { CancelledError, UnavailableError } from '../../src/domain/errors.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import type { SpiceDbClient, StreamEvents } from '../../src/relationships/spicedb-client.ts';
import { createSpiceDbLister } from '../../src/relationships/spicedb-lister.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';

type Events = StreamEvents<v1.LookupResourcesResponse>;

const QUESTION = {
  type: 'task',
  permission: 'read',
  principal: { kind: 'user', id: 'alice', account: 'acme' },
} as const;
const LATEST = { consistency: MINIMIZE_LATENCY, snapshot: undefined };
const { HAS_PERMISSION, CONDITIONAL_PERMISSION } = v1.LookupPermissionship;

/** A SpiceDB whose LookupResources does what the test says. */
function setUp(lookup: (events: Events, signal: AbortSignal) => void, maxObjects = 1_000) {
  const requests: v1.LookupResourcesRequest[] = [];
  let cancelled = 0;
  const client = {
    stream(_method: unknown, request: v1.LookupResourcesRequest, { signal }: { signal: AbortSignal }, events: Events) {
      requests.push(request);
      lookup(events, signal);
      return { cancel: () => void (cancelled += 1) };
    },
  } as unknown as SpiceDbClient;
  const freshness = createFreshness({ clock: SYSTEM_CLOCK });
  const lister = createSpiceDbLister({ client, freshness }, { maxObjects });
  return { lister, requests, freshness, cancelled: () => cancelled };
}

const found = (resourceObjectId: string, permissionship = HAS_PERMISSION): v1.LookupResourcesResponse => ({
  resourceObjectId,
  permissionship,
  lookedUpAt: { token: 'read' },
});

function refused(code: status): TaskgateError {
  return new UnavailableError('spicedb', { cause: Object.assign(new Error('refused'), { code, details: 'canary' }) });
}

describe('the lister', () => {
  test('gives ids as the application writes them, ascending, each once, and no sentinel', async () => {
    const { lister } = setUp((events) => {
      for (const id of ['b', 'a=40b', 'b', '=sentinel/3', 'a']) events.onMessage(found(id));
      events.onMessage(found('conditional', CONDITIONAL_PERMISSION));
      events.onEnd(undefined);
    });
    expect(await lister.list(QUESTION, LATEST, callContext())).toEqual({ ids: ['a', 'a@b', 'b'], readAt: 'read' });
  });

  test('is an error when the stream breaks, whatever came before', async () => {
    const { lister, cancelled } = setUp((events) => {
      events.onMessage(found('a'));
      events.onEnd(refused(status.UNAVAILABLE));
    });
    await expect(lister.list(QUESTION, LATEST, callContext())).rejects.toThrow(UnavailableError);
    expect(cancelled()).toBe(1);
  });

  test.each([
    ['unspecified', v1.LookupPermissionship.UNSPECIFIED],
    ['unknown', 99],
  ])('is an error, and no shorter list, when a permissionship is %s', async (_, permissionship) => {
    const { lister } = setUp((events) => {
      events.onMessage(found('a'));
      events.onMessage(found('b', permissionship));
      events.onEnd(undefined);
    });
    await expect(lister.list(QUESTION, LATEST, callContext())).rejects.toThrow(UnavailableError);
  });

  test('cancels the lookup when the caller leaves', async () => {
    const leaving = new AbortController();
    const { lister, cancelled } = setUp((events, signal) => {
      signal.addEventListener('abort', () => events.onEnd(new CancelledError()));
    });
    const listing = lister.list(QUESTION, LATEST, callContext({ signal: leaving.signal }));
    leaving.abort(new CancelledError());
    await expect(listing).rejects.toThrow(CancelledError);
    expect(cancelled()).toBe(1);
  });

  test('refuses a list that is too long, and never cuts it', async () => {
    const { lister } = setUp((events) => {
      for (const id of ['a', 'b', 'c']) events.onMessage(found(id));
      events.onEnd(undefined);
    }, 2);
    await expect(lister.list(QUESTION, LATEST, callContext())).rejects.toMatchObject({ name: 'OverloadedError' });
  });

  test('says that the revision of a cursor is gone', async () => {
    const { lister, requests } = setUp((events) => events.onEnd(refused(status.OUT_OF_RANGE)));
    const gone = lister.list(QUESTION, { ...LATEST, snapshot: 'old' }, callContext());
    await expect(gone).rejects.toMatchObject({
      name: 'FailedPreconditionError',
      message: expect.stringMatching(/^cursor: /) as string,
    });
    await expect(gone).rejects.not.toThrow('canary');
    expect(requests[0]?.consistency?.requirement).toMatchObject({ atExactSnapshot: { token: 'old' } });
  });

  test('is an error when ids come without a revision', async () => {
    const { lister } = setUp((events) => {
      events.onMessage({ resourceObjectId: 'a', permissionship: HAS_PERMISSION });
      events.onEnd(undefined);
    });
    await expect(lister.list(QUESTION, LATEST, callContext())).rejects.toThrow(UnavailableError);
  });

  test('sees every change that was told of any object', async () => {
    const { lister, requests, freshness } = setUp((events) => events.onEnd(undefined));
    freshness.listener.followed({ token: 'start', leafTypes: new Set(['task']) });
    await lister.list(QUESTION, LATEST, callContext());
    freshness.listener.changed([{ type: 'task', id: 't' }], 'change');
    await lister.list(QUESTION, LATEST, callContext());
    expect(requests.map(({ consistency }) => consistency?.requirement)).toMatchObject([
      { atLeastAsFresh: { token: 'start' } },
      // The change need not hold what following began with.
      { fullyConsistent: true },
    ]);
  });
});
