import { describe, expect, test } from 'vitest';
import type { ParentResult } from '../../src/authorize/ports.ts';
import { CancelledError } from '../../src/domain/errors.ts';
import { createSharedFlightParents } from '../../src/parents/shared-flight-parents.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import { createSource, found, messageKey } from './fixtures.ts';

function setUp(timeoutMs = 10_000) {
  const gate = Promise.withResolvers<ParentResult>();
  const source = createSource(async () => gate.promise);
  return { gate, source, flights: createSharedFlightParents({ next: source, clock: SYSTEM_CLOCK }, { timeoutMs }) };
}

describe('shared flight', () => {
  test('makes one lookup of a thousand that overlap', async () => {
    const { gate, source, flights } = setUp();
    const lookups = Array.from({ length: 1_000 }, async () => flights.lookup([messageKey('m')], callContext()));
    gate.resolve(found('task-1'));
    expect(await Promise.all(lookups)).toEqual(Array.from({ length: 1_000 }, () => [found('task-1')]));
    expect(source.asked).toHaveLength(1);
  });

  test('joins what is under way and looks up the rest', async () => {
    const { gate, source, flights } = setUp();
    const first = flights.lookup([messageKey('a'), messageKey('b')], callContext());
    const second = flights.lookup([messageKey('b'), messageKey('c'), messageKey('c')], callContext());
    gate.resolve(found('task-1'));
    expect(await second).toEqual([found('task-1'), found('task-1'), found('task-1')]);
    await first;
    expect(source.asked.map((keys) => keys.map(({ value }) => value))).toEqual([['a', 'b'], ['c']]);
  });

  test('lets the first caller leave without harm to the others', async () => {
    const { gate, source, flights } = setUp();
    const leaving = new AbortController();
    const first = flights.lookup([messageKey('m')], callContext({ signal: leaving.signal }));
    const second = flights.lookup([messageKey('m')], callContext());
    leaving.abort(new CancelledError());
    expect(await first).toEqual([{ kind: 'failed', error: leaving.signal.reason }]);
    gate.resolve(found('task-1'));
    expect(await second).toEqual([found('task-1')]);
    expect(source.asked).toHaveLength(1);
  });

  test('shares nothing after it has landed', async () => {
    const { gate, source, flights } = setUp();
    gate.resolve(found('task-1'));
    await flights.lookup([messageKey('m')], callContext());
    await flights.lookup([messageKey('m')], callContext());
    expect(source.asked).toHaveLength(2);
  });

  test('shares a fault with those who waited for it, and with nobody after', async () => {
    const { gate, source, flights } = setUp();
    const waiting = [
      flights.lookup([messageKey('m')], callContext()),
      flights.lookup([messageKey('m')], callContext()),
    ];
    gate.reject(new Error('broken'));
    expect(await Promise.all(waiting)).toMatchObject([[{ kind: 'failed' }], [{ kind: 'failed' }]]);
    await flights.lookup([messageKey('m')], callContext());
    expect(source.asked).toHaveLength(2);
  });

  test('tells its source when its own time is up', async () => {
    const flights = createSharedFlightParents(
      {
        next: {
          lookup: async (_keys, { signal }) =>
            new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
        },
        clock: SYSTEM_CLOCK,
      },
      { timeoutMs: 5 },
    );
    expect(await flights.lookup([messageKey('m')], callContext())).toMatchObject([
      { error: { name: 'DeadlineExceededError' } },
    ]);
  });
});
