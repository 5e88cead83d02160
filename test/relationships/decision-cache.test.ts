import { setImmediate as settled } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type {
  CheckedRelationships,
  RelationshipCheck,
  RelationshipResult,
  Relationships,
} from '../../src/authorize/ports.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { CancelledError, InvalidArgumentError, UnavailableError } from '../../src/domain/errors.ts';
import { createDecisionCache } from '../../src/relationships/decision-cache.ts';
import { createFreshRelationships } from '../../src/relationships/fresh-relationships.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import { callContext, taskCheck } from '../support/spicedb.ts';

const TASK_1 = { type: 'task', id: 'task-1' };
const TASK_2 = { type: 'task', id: 'task-2' };
const TENANT = { type: 'tenant', id: 'acme' };
const FOLLOWED = { token: 'start', leafTypes: new Set(['task']) };

/** The cache and the floors over an engine that answers what `answer` says, on a clock that the test moves. */
function setUp({ maxObjects = 100 } = {}) {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs };
  const freshness = createFreshness({ clock }, { floorTtlMs: 10_000, maxObjects });
  const asked: { checks: readonly RelationshipCheck[]; consistency: Consistency }[] = [];
  let refusedToken: string | undefined;
  let answer = async (): Promise<RelationshipResult> => ({ kind: 'held' });
  const engine: Relationships = {
    async check(checks, consistency) {
      asked.push({ checks, consistency });
      if (consistency.kind === 'at_least_as_fresh' && consistency.token === refusedToken) {
        throw new InvalidArgumentError('consistency.at_least_as_fresh', 'is refused');
      }
      return { results: await Promise.all(checks.map(async () => answer())), checkedAt: `read ${asked.length}` };
    },
  };
  const cache = createDecisionCache(
    { inner: createFreshRelationships({ inner: engine, freshness }), freshness, clock },
    { maxEntries: 100, ttlMs: 30_000 },
  );
  const check = async (id: string, consistency: Consistency = MINIMIZE_LATENCY): Promise<string | undefined> =>
    (await cache.check([taskCheck(id)], consistency, callContext())).results[0]?.kind;
  return {
    asked,
    check,
    cache,
    changes: freshness.listener,
    setAnswer: (next: typeof answer) => {
      answer = next;
    },
    setRefusedToken: (token: string) => {
      refusedToken = token;
    },
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

describe('the decision cache', () => {
  test('keeps an answer while changes are followed, and asks again when its time is up', async () => {
    const { check, asked, changes, advance } = setUp();
    changes.followed(FOLLOWED);
    await check('task-1');
    await check('task-1');
    expect(asked).toHaveLength(1);
    advance(30_000);
    await check('task-1');
    expect(asked).toHaveLength(2);
  });

  test('renews an answer that is asked for as its time runs out, once, and nobody waits', async () => {
    const { check, cache, asked, changes, advance, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    await check('task-1');
    advance(23_999);
    await check('task-1');
    expect(asked).toHaveLength(1);
    advance(1);
    const renewal = Promise.withResolvers<RelationshipResult>();
    setAnswer(async () => renewal.promise);
    expect(cache.peek?.(taskCheck('task-1'))?.result.kind).toBe('held');
    expect(await check('task-1')).toBe('held');
    expect(asked).toHaveLength(2);
    renewal.resolve({ kind: 'denied' });
    await settled();
    advance(6_000);
    expect(await check('task-1')).toBe('denied');
    expect(asked).toHaveLength(2);
  });

  test('renews only what is asked for', async () => {
    const { check, asked, changes, advance } = setUp();
    changes.followed(FOLLOWED);
    await Promise.all([check('task-1'), check('task-2')]);
    advance(24_000);
    await check('task-1');
    advance(6_000);
    await check('task-2');
    expect(asked.map(({ checks }) => checks)).toEqual(
      ['task-1', 'task-2', 'task-1', 'task-2'].map((id) => [taskCheck(id)]),
    );
  });

  test('holds on to an answer whose renewal failed until its time is up, and no longer', async () => {
    const { check, asked, changes, advance, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    await check('task-1');
    advance(24_000);
    setAnswer(async () => Promise.reject(new UnavailableError('spicedb')));
    expect(await check('task-1')).toBe('held');
    await settled();
    advance(5_999);
    expect(await check('task-1')).toBe('held');
    expect(asked).toHaveLength(2);
    advance(1);
    await expect(check('task-1')).rejects.toThrow(UnavailableError);
  });

  test('never keeps a renewal that began before a change of its task was told', async () => {
    const { check, asked, changes, advance, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    await check('task-1');
    advance(24_000);
    const renewal = Promise.withResolvers<RelationshipResult>();
    setAnswer(async () => renewal.promise);
    await check('task-1');
    changes.changed([TASK_1], 'change');
    renewal.resolve({ kind: 'held' });
    await settled();
    setAnswer(async () => ({ kind: 'denied' }));
    expect(await check('task-1')).toBe('denied');
    expect(asked).toHaveLength(3);
  });

  test.each([
    ['before changes are followed', () => undefined],
    [
      'after they were lost',
      (changes: ReturnType<typeof setUp>['changes']) => (changes.followed(FOLLOWED), changes.lost()),
    ],
  ])('neither answers nor keeps %s', async (_, prepare) => {
    const { check, asked, changes } = setUp();
    prepare(changes);
    await check('task-1');
    await check('task-1');
    expect(asked).toHaveLength(2);
    changes.followed(FOLLOWED);
    await check('task-1');
    expect(asked).toHaveLength(3);
  });

  test('forgets everything from before a loss', async () => {
    const { check, asked, changes } = setUp();
    changes.followed(FOLLOWED);
    await check('task-1');
    changes.lost();
    changes.followed(FOLLOWED);
    await check('task-1');
    expect(asked).toHaveLength(2);
  });

  test('asks again after a change of the task, at least as fresh as the change; other tasks stay', async () => {
    const { check, asked, changes, advance } = setUp();
    changes.followed(FOLLOWED);
    await Promise.all([check('task-1'), check('task-2')]);
    advance(10_000);
    changes.changed([TASK_1], 'change');
    await Promise.all([check('task-1'), check('task-2')]);
    expect(asked.slice(2)).toMatchObject([{ consistency: { kind: 'at_least_as_fresh', token: 'change' } }]);
    advance(10_000);
    await check('task-3');
    expect(asked.at(-1)?.consistency).toEqual(MINIMIZE_LATENCY);
  });

  test('asks everything again after a change of what tasks share', async () => {
    const { check, asked, changes } = setUp();
    changes.followed(FOLLOWED);
    await Promise.all([check('task-1'), check('task-2')]);
    changes.changed([TENANT], 'change');
    await Promise.all([check('task-1'), check('task-2')]);
    // The change may have begun before following did, and then its token holds less than where that began.
    expect(asked.slice(2).map(({ consistency }) => consistency)).toEqual([FULLY_CONSISTENT, FULLY_CONSISTENT]);
  });

  test('never keeps an answer whose check began before a change of its task was told', async () => {
    const { check, asked, changes, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    const gate = Promise.withResolvers<RelationshipResult>();
    setAnswer(async () => gate.promise);
    const slow = check('task-1');
    changes.changed([TASK_1], 'revoke');
    gate.resolve({ kind: 'held' });
    expect(await slow).toBe('held');
    setAnswer(async () => ({ kind: 'denied' }));
    expect(await check('task-1')).toBe('denied');
    expect(asked).toHaveLength(2);
  });

  test('takes a change that it no longer remembers for one of every task', async () => {
    const { check, asked, changes } = setUp({ maxObjects: 1 });
    changes.followed(FOLLOWED);
    await check('task-1');
    changes.changed([TASK_1], 'first');
    changes.changed([TASK_2], 'second');
    await check('task-1');
    expect(asked).toHaveLength(2);
  });

  test.each<[string, Consistency]>([
    ['fully consistent', FULLY_CONSISTENT],
    ['at least as fresh', { kind: 'at_least_as_fresh', token: 'mine' }],
  ])('never answers a caller that asks for %s, but keeps what it got', async (_, consistency) => {
    const { check, asked, changes, advance } = setUp();
    changes.followed(FOLLOWED);
    advance(10_000);
    await check('task-1');
    await check('task-1', consistency);
    await check('task-1', consistency);
    expect(asked).toHaveLength(3);
    await check('task-1');
    expect(asked).toHaveLength(3);
  });

  test('never keeps a fault, nor an answer that did not come', async () => {
    const { check, asked, changes, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    setAnswer(async () => ({ kind: 'failed', error: new UnavailableError('spicedb') }));
    expect(await check('task-1')).toBe('failed');
    setAnswer(async () => {
      throw new UnavailableError('spicedb');
    });
    await expect(check('task-1')).rejects.toThrow(UnavailableError);
    setAnswer(async () => ({ kind: 'held' }));
    expect(await check('task-1')).toBe('held');
    expect(asked).toHaveLength(3);
  });

  test('asks only what it does not know of a call, and puts the results in order', async () => {
    const { cache, asked, changes, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    await cache.check([taskCheck('task-2')], MINIMIZE_LATENCY, callContext());
    setAnswer(async () => ({ kind: 'denied' }));
    const checks = ['task-1', 'task-2', 'task-3'].map((id) => taskCheck(id));
    const { results } = await cache.check(checks, MINIMIZE_LATENCY, callContext());
    expect(results.map(({ kind }) => kind)).toEqual(['denied', 'held', 'denied']);
    expect(asked[1]?.checks).toHaveLength(2);
  });
});

describe('a question that is being asked already', () => {
  /** An engine whose answers are given by hand. */
  function setUpGated() {
    const gates: PromiseWithResolvers<RelationshipResult>[] = [];
    const known = setUp();
    known.setAnswer(async () => {
      const gate = Promise.withResolvers<RelationshipResult>();
      gates.push(gate);
      return gate.promise;
    });
    known.changes.followed(FOLLOWED);
    return { ...known, gates };
  }
  const kindOf = async (answer: Promise<CheckedRelationships>): Promise<string | undefined> =>
    (await answer).results[0]?.kind;

  test('waits for that answer, for as long as nothing has changed', async () => {
    const { check, asked, gates } = setUpGated();
    const first = check('task-1');
    await settled();
    const others = [check('task-1'), check('task-1'), check('task-2')];
    expect(asked).toHaveLength(2);
    gates[0]?.resolve({ kind: 'held' });
    gates[1]?.resolve({ kind: 'denied' });
    expect(await Promise.all([first, ...others])).toEqual(['held', 'held', 'held', 'denied']);
  });

  test('asks anew after a change that was told since it was sent', async () => {
    const { check, asked, changes, gates } = setUpGated();
    const before = check('task-1');
    await settled();
    changes.changed([TASK_1], 'revoked');
    const after = check('task-1');
    expect(asked).toHaveLength(2);
    gates[0]?.resolve({ kind: 'held' });
    gates[1]?.resolve({ kind: 'denied' });
    expect([await before, await after]).toEqual(['held', 'denied']);
  });

  test('asks for itself when more than minimise-latency is wanted', async () => {
    const { check, asked, gates } = setUpGated();
    const lax = check('task-1');
    const strict = check('task-1', FULLY_CONSISTENT);
    expect(asked).toHaveLength(2);
    gates[0]?.resolve({ kind: 'held' });
    gates[1]?.resolve({ kind: 'denied' });
    expect([await lax, await strict]).toEqual(['held', 'denied']);
  });

  test('asks once for all who waited when whoever asked has left', async () => {
    const { cache, check, asked, gates } = setUpGated();
    const first = check('task-1');
    const others = [check('task-1'), check('task-1'), check('task-1')];
    gates[0]?.reject(new CancelledError());
    await expect(first).rejects.toThrow(CancelledError);
    await settled();
    expect(asked).toHaveLength(2);
    gates[1]?.resolve({ kind: 'held' });
    expect(await Promise.all(others)).toEqual(['held', 'held', 'held']);
    expect(cache.peek?.(taskCheck('task-1'))?.result.kind).toBe('held');
  });

  test('shares a fault with those who wait, and with nobody after', async () => {
    const { check, asked, gates } = setUpGated();
    const waiting = [check('task-1'), check('task-1')];
    gates[0]?.reject(new UnavailableError('spicedb'));
    for (const outcome of await Promise.allSettled(waiting)) expect(outcome.status).toBe('rejected');
    expect(asked).toHaveLength(1);
    const next = check('task-1');
    gates[1]?.resolve({ kind: 'held' });
    expect(await next).toBe('held');
  });

  test('a caller that leaves ends its own wait only', async () => {
    const { cache, check, gates } = setUpGated();
    const first = check('task-1');
    const caller = new AbortController();
    const left = kindOf(cache.check([taskCheck('task-1')], MINIMIZE_LATENCY, callContext({ signal: caller.signal })));
    caller.abort(new CancelledError());
    await expect(left).rejects.toThrow(CancelledError);
    gates[0]?.resolve({ kind: 'held' });
    expect(await first).toBe('held');
  });
});

describe('what was looked up', () => {
  /** A check of task-1, asked as something that led there. */
  function setUpAsked() {
    const { cache, asked, changes, advance, setAnswer } = setUp();
    changes.followed(FOLLOWED);
    const check = async (askedAs?: string): Promise<string | undefined> => {
      const question = { ...taskCheck('task-1'), askedAs };
      const { results } = await cache.check([question], MINIMIZE_LATENCY, callContext());
      expect(cache.peek?.(question)?.result).toEqual(results[0]);
      return results[0]?.kind;
    };
    return { check, asked, changes, advance, setAnswer };
  }

  test('is known to be denied of that alone', async () => {
    const { check, asked, setAnswer } = setUpAsked();
    setAnswer(async () => ({ kind: 'denied' }));
    for (const askedAs of ['message:id:1', 'message:id:2', undefined]) {
      expect(await check(askedAs)).toBe('denied');
      expect(await check(askedAs)).toBe('denied');
    }
    expect(asked).toHaveLength(3);
  });

  test('is known to be held of all that leads there', async () => {
    const { check, asked } = setUpAsked();
    for (const askedAs of ['message:id:1', 'message:id:2', undefined]) expect(await check(askedAs)).toBe('held');
    expect(asked).toHaveLength(1);
  });

  test('is no longer held, of all that leads there, once it was denied of one', async () => {
    const { check, asked, setAnswer, advance } = setUpAsked();
    await check('message:id:1');
    advance(24_000);
    setAnswer(async () => ({ kind: 'denied' }));
    // The renewal finds it denied.
    expect(await check('message:id:1')).toBe('held');
    await settled();
    expect(await check('message:id:1')).toBe('denied');
    expect(asked).toHaveLength(2);
    expect(await check('message:id:2')).toBe('denied');
    expect(asked).toHaveLength(3);
  });

  test('is held as soon as that is known of anything that leads there', async () => {
    const { check, asked, setAnswer, changes } = setUpAsked();
    setAnswer(async () => ({ kind: 'denied' }));
    await check('message:id:1');
    changes.changed([TASK_1], 'grant');
    setAnswer(async () => ({ kind: 'held' }));
    expect(await check('message:id:2')).toBe('held');
    expect(await check('message:id:1')).toBe('held');
    expect(asked).toHaveLength(2);
  });
});

describe('a floor beside a token of the caller', () => {
  test('reads fully consistent, and shows SpiceDB the token once', async () => {
    const { check, asked, changes, advance } = setUp();
    changes.followed(FOLLOWED);
    advance(10_000);
    changes.changed([TASK_1], 'floor');
    await check('task-1', { kind: 'at_least_as_fresh', token: 'mine' });
    expect(asked.map(({ consistency }) => consistency)).toEqual([
      FULLY_CONSISTENT,
      { kind: 'at_least_as_fresh', token: 'mine' },
    ]);
    await check('task-1', { kind: 'at_least_as_fresh', token: 'mine' });
    expect(asked.slice(2).map(({ consistency }) => consistency)).toEqual([FULLY_CONSISTENT]);
    await check('task-1', { kind: 'at_least_as_fresh', token: 'floor' });
    expect(asked.slice(3).map(({ consistency }) => consistency)).toEqual([
      { kind: 'at_least_as_fresh', token: 'floor' },
    ]);
  });

  test('refuses a token that SpiceDB refuses, again and again', async () => {
    const { check, changes, setRefusedToken } = setUp();
    changes.followed(FOLLOWED);
    setRefusedToken('forged');
    const forged = { kind: 'at_least_as_fresh', token: 'forged' } as const;
    await expect(check('task-1', forged)).rejects.toThrow(InvalidArgumentError);
    await expect(check('task-1', forged)).rejects.toThrow(InvalidArgumentError);
  });
});
