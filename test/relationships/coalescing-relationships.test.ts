import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  CallContext,
  CheckedRelationships,
  RelationshipCheck,
  RelationshipResult,
  Relationships,
} from '../../src/authorize/ports.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { CancelledError, DeadlineExceededError, OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import { createCoalescingRelationships } from '../../src/relationships/coalescing-relationships.ts';
import { callContext, taskCheck } from '../support/spicedb.ts';

interface Call {
  readonly checks: readonly RelationshipCheck[];
  readonly consistency: Consistency;
  readonly context: CallContext;
  /** Answers each check with what `resultOf` says. */
  answer(): void;
  fail(error: Error): void;
}

interface GatedRelationships extends Relationships {
  readonly calls: readonly Call[];
}

/** A port whose calls stay open until the test answers them. */
function createGatedRelationships(): GatedRelationships {
  const calls: Call[] = [];
  return {
    calls,
    check: async (checks, consistency, context) => {
      const { promise, resolve, reject } = Promise.withResolvers<CheckedRelationships>();
      const checkedAt = `revision-${calls.length}`;
      const answer = (): void => resolve({ results: checks.map(resultOf), checkedAt });
      calls.push({ checks, consistency, context, answer, fail: reject });
      return promise;
    },
  };
}

/** Held by the length of the id, so that a result in the wrong place shows. */
function resultOf({ object }: RelationshipCheck): RelationshipResult {
  return object.kind === 'resource' && object.id.length % 2 === 0 ? { kind: 'held' } : { kind: 'denied' };
}

function numbered(count: number): readonly RelationshipCheck[] {
  return Array.from({ length: count }, (_, index) => taskCheck(`task-${index}`));
}

describe('checks that wait at the same moment', () => {
  test('become one call, and each gets its own results', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const checks = numbered(64);
    const answers = checks.map(async (check) => relationships.check([check], MINIMIZE_LATENCY, callContext()));
    await nextTurn();
    expect(inner.calls.map((call) => call.checks)).toEqual([checks]);
    inner.calls[0]?.answer();
    const results = await Promise.all(answers);
    expect(results).toEqual(checks.map((check) => ({ results: [resultOf(check)], checkedAt: 'revision-0' })));
  });

  test('are one item where they are identical, but for one that is held and one that is told at once', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const told = taskCheck('task-1');
    const held = { ...told, isHeld: true };
    const answers = [told, held, told, held].map(async (check) =>
      relationships.check([check], MINIMIZE_LATENCY, callContext()),
    );
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks)).toEqual([[told, held]]);
    inner.calls[0]?.answer();
    await Promise.all(answers);
  });

  test('include those whose I/O callbacks run later in the same turn', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const answers: Promise<CheckedRelationships>[] = [];
    for (const check of numbered(16)) {
      answers.push(relationships.check([check], MINIMIZE_LATENCY, callContext()));
      // Microtasks run between two callbacks of one turn.
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    expect(inner.calls).toEqual([]);
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks.length)).toEqual([16]);
    inner.calls[0]?.answer();
    await Promise.all(answers);
  });

  test('are one item when they are identical', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const answers = numbered(64).map(async () =>
      relationships.check([taskCheck('task-1'), taskCheck('task-1')], MINIMIZE_LATENCY, callContext()),
    );
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks)).toEqual([[taskCheck('task-1')]]);
    inner.calls[0]?.answer();
    const expected = resultOf(taskCheck('task-1'));
    for (const { results } of await Promise.all(answers)) expect(results).toEqual([expected, expected]);
  });

  test('go out alone when there is one', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const answer = relationships.check([taskCheck('task-1')], MINIMIZE_LATENCY, callContext());
    await nextTurn();
    expect(inner.calls).toHaveLength(1);
    inner.calls[0]?.answer();
    expect(await answer).toEqual({ results: [resultOf(taskCheck('task-1'))], checkedAt: 'revision-0' });
  });

  test('stay apart when they want another consistency', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const asked: readonly Consistency[] = [
      MINIMIZE_LATENCY,
      FULLY_CONSISTENT,
      { kind: 'at_least_as_fresh', token: 'a' },
      { kind: 'at_least_as_fresh', token: 'b' },
    ];
    const answers = [...asked, ...asked].map(async (consistency) =>
      relationships.check([taskCheck('task-1')], consistency, callContext()),
    );
    await nextTurn();
    expect(inner.calls.map(({ consistency }) => consistency)).toEqual(asked);
    for (const call of inner.calls) call.answer();
    await Promise.all(answers);
  });

  test('keep the checks of one call together, at one revision', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner }, { maxBatchItems: 5 });
    const pairs = numbered(7).map(({ object, principal }) => [
      { object, permission: 'delete', principal },
      { object, permission: 'read', principal },
    ]);
    const answers = pairs.map(async (pair) => relationships.check(pair, FULLY_CONSISTENT, callContext()));
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks)).toEqual([
      pairs.slice(0, 2).flat(),
      pairs.slice(2, 4).flat(),
      pairs.slice(4, 6).flat(),
      pairs.slice(6).flat(),
    ]);
    for (const call of inner.calls) call.answer();
    await Promise.all(answers);
  });

  test('are not held up by a call that is a batch of its own', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner }, { maxBatchItems: 5, maxBatchesUnderWay: 1 });
    const large = relationships.check(numbered(5), MINIMIZE_LATENCY, callContext());
    const small = relationships.check(numbered(1), MINIMIZE_LATENCY, callContext());
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks.length)).toEqual([5, 1]);
    for (const call of inner.calls) call.answer();
    await Promise.all([large, small]);
  });
});

describe('checks that come while batches are under way', () => {
  test('gather for the next once as many are under way as may be', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner }, { maxBatchesUnderWay: 2 });
    const answers: Promise<CheckedRelationships>[] = [];
    for (const check of numbered(20)) {
      answers.push(relationships.check([check], MINIMIZE_LATENCY, callContext()));
      await nextTurn();
    }
    expect(inner.calls.map(({ checks }) => checks.length)).toEqual([1, 1]);
    inner.calls[0]?.answer();
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks.length)).toEqual([1, 1, 18]);
    for (const call of inner.calls) call.answer();
    expect((await Promise.all(answers)).map(({ results }) => results)).toEqual(
      numbered(20).map((check) => [resultOf(check)]),
    );
  });

  test.each([MINIMIZE_LATENCY, FULLY_CONSISTENT])('never join one that has been sent ($kind)', async (consistency) => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const first = relationships.check([taskCheck('task-1')], consistency, callContext());
    await nextTurn();
    const second = relationships.check([taskCheck('task-1')], consistency, callContext());
    await nextTurn();
    expect(inner.calls).toHaveLength(2);
    inner.calls[1]?.answer();
    expect((await second).checkedAt).toBe('revision-1');
    inner.calls[0]?.answer();
    expect((await first).checkedAt).toBe('revision-0');
  });
});

describe('a joiner', () => {
  test.each([new CancelledError(), new DeadlineExceededError()])(
    'that leaves with $name ends only its own wait',
    async (reason) => {
      const inner = createGatedRelationships();
      const relationships = createCoalescingRelationships({ inner });
      const controller = new AbortController();
      const leaving = relationships.check(
        [taskCheck('a')],
        MINIMIZE_LATENCY,
        callContext({ signal: controller.signal }),
      );
      const staying = relationships.check([taskCheck('bb')], MINIMIZE_LATENCY, callContext());
      await nextTurn();
      controller.abort(reason);
      await expect(leaving).rejects.toBe(reason);
      expect(inner.calls[0]?.context.signal.aborted).toBe(false);
      inner.calls[0]?.answer();
      expect((await staying).results).toEqual([{ kind: 'held' }]);
    },
  );

  test('that leaves before the batch is sent takes its checks with it', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const controller = new AbortController();
    const leaving = relationships.check([taskCheck('a')], MINIMIZE_LATENCY, callContext({ signal: controller.signal }));
    const staying = relationships.check([taskCheck('bb')], MINIMIZE_LATENCY, callContext());
    controller.abort(new CancelledError());
    await expect(leaving).rejects.toBeInstanceOf(CancelledError);
    await nextTurn();
    expect(inner.calls.map(({ checks }) => checks)).toEqual([[taskCheck('bb')]]);
    inner.calls[0]?.answer();
    await staying;
  });

  test('that is the last to leave cancels the call, and one that was alone is not sent', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const controllers = [new AbortController(), new AbortController()];
    const answers = controllers.map(async ({ signal }) =>
      relationships.check([taskCheck('a')], MINIMIZE_LATENCY, callContext({ signal })),
    );
    const settled = Promise.allSettled(answers);
    await nextTurn();
    controllers[0]?.abort(new CancelledError());
    expect(inner.calls[0]?.context.signal.aborted).toBe(false);
    controllers[1]?.abort(new CancelledError());
    expect(inner.calls[0]?.context.signal.aborted).toBe(true);
    await settled;

    const alone = new AbortController();
    const unsent = relationships.check([taskCheck('b')], MINIMIZE_LATENCY, callContext({ signal: alone.signal }));
    alone.abort(new CancelledError());
    await expect(unsent).rejects.toBeInstanceOf(CancelledError);
    await nextTurn();
    expect(inner.calls).toHaveLength(1);
  });

  test('that has aborted already is not asked for', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const signal = AbortSignal.abort(new CancelledError());
    await expect(relationships.check([taskCheck('a')], MINIMIZE_LATENCY, callContext({ signal }))).rejects.toBe(
      signal.reason,
    );
    await nextTurn();
    expect(inner.calls).toEqual([]);
  });

  test('gives the batch the latest deadline', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const contexts = [10, 9_000, 500].map((timeoutMs) => callContext({ timeoutMs }));
    const answers = contexts.map(async (context) => relationships.check([taskCheck('a')], MINIMIZE_LATENCY, context));
    await nextTurn();
    expect(inner.calls[0]?.context.deadlineAtMs).toBe(contexts[1]?.deadlineAtMs);
    inner.calls[0]?.answer();
    await Promise.all(answers);
  });
});

describe('an error', () => {
  test('is shared by the batch that met it and by nobody else', async () => {
    const inner = createGatedRelationships();
    const relationships = createCoalescingRelationships({ inner });
    const ask = async (id: string): Promise<unknown> =>
      relationships.check([taskCheck(id)], MINIMIZE_LATENCY, callContext()).catch((error: unknown) => error);
    const failing = [ask('a'), ask('b')];
    await nextTurn();
    const later = ask('a');
    await nextTurn();
    const error = new OverloadedError();
    inner.calls[0]?.fail(error);
    inner.calls[1]?.answer();
    expect(await Promise.all(failing)).toEqual([error, error]);
    expect(await later).toMatchObject({ results: [{ kind: 'denied' }] });
  });

  test('is what a result that is missing becomes', async () => {
    const inner: Relationships = { check: async () => ({ results: [{ kind: 'held' }], checkedAt: 'revision' }) };
    const relationships = createCoalescingRelationships({ inner });
    const { results } = await relationships.check(numbered(2), MINIMIZE_LATENCY, callContext());
    expect(results).toEqual([{ kind: 'held' }, { kind: 'failed', error: expect.any(UnavailableError) }]);
  });
});

test('coalescing is transparent: whatever is asked together is answered as if it were asked alone', async () => {
  const check = fc.record({
    id: fc.string({ maxLength: 3 }),
    user: fc.constantFrom('a', 'b'),
    account: fc.constantFrom('a', 'b'),
    permission: fc.constantFrom('read', 'delete'),
  });
  const results = (checks: readonly RelationshipCheck[]): RelationshipResult[] =>
    checks.map((asked) => (JSON.stringify(asked).length % 2 === 0 ? { kind: 'held' } : { kind: 'denied' }));
  const inner: Relationships = { check: async (checks) => ({ results: results(checks), checkedAt: 'revision' }) };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(check, { maxLength: 6 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 3 }),
      async (calls, maxBatchItems, maxBatchesUnderWay) => {
        const relationships = createCoalescingRelationships({ inner }, { maxBatchItems, maxBatchesUnderWay });
        const asked = calls.map((items) => items.map(({ id, ...rest }) => taskCheck(id, rest)));
        const answers = await Promise.all(
          asked.map(async (checks) => relationships.check(checks, MINIMIZE_LATENCY, callContext())),
        );
        expect(answers.map((answer) => answer.results)).toEqual(asked.map(results));
      },
    ),
  );
});
