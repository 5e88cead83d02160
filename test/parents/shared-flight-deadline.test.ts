import { expect, test } from 'vitest';
import type { ParentLookup } from '../../src/authorize/ports.ts';
import { CancelledError } from '../../src/domain/errors.ts';
import { createSharedFlightParents } from '../../src/parents/shared-flight-parents.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { found, messageKey } from './fixtures.ts';

/** Never answers its first lookup and does not care for its signal; answers every later one. */
function createDeafSource() {
  let asked = 0;
  const source: ParentLookup = {
    async lookup(keys) {
      asked += 1;
      return asked === 1 ? Promise.withResolvers<never>().promise : keys.map(() => found('task-1'));
    },
  };
  return { ...source, asked: () => asked };
}

// SpiceDB #3142: a flight that outlives its deadline is joined for ever.
test('a source that never answers costs its time, and the next lookup is a new one', { timeout: 2_000 }, async () => {
  const source = createDeafSource();
  const flights = createSharedFlightParents({ next: source, clock: SYSTEM_CLOCK }, { timeoutMs: 20 });
  expect(await flights.lookup([messageKey('m'), messageKey('n')], callContext())).toMatchObject([
    { kind: 'failed', error: { name: 'DeadlineExceededError' } },
    { kind: 'failed', error: { name: 'DeadlineExceededError' } },
  ]);
  expect(await flights.lookup([messageKey('m')], callContext())).toEqual([found('task-1')]);
  expect(source.asked()).toBe(2);
});

test('a caller that has left before it asks gets its own reason', async () => {
  const source = createDeafSource();
  const flights = createSharedFlightParents({ next: source, clock: SYSTEM_CLOCK }, { timeoutMs: 20 });
  const reason = new CancelledError();
  const left = await flights.lookup([messageKey('m')], callContext({ signal: AbortSignal.abort(reason) }));
  expect(left).toEqual([{ kind: 'failed', error: reason }]);
});

test('a source that gives too few results fails the keys it left out, and no other', async () => {
  const flights = createSharedFlightParents(
    { next: { lookup: async () => [found('task-1')] }, clock: SYSTEM_CLOCK },
    { timeoutMs: 1_000 },
  );
  expect(await flights.lookup([messageKey('m'), messageKey('n')], callContext())).toMatchObject([
    found('task-1'),
    { kind: 'failed', error: { name: 'InternalError' } },
  ]);
});
