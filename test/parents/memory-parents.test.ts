import { describe, expect, test } from 'vitest';
import type { ParentResult } from '../../src/authorize/ports.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createExpiry } from '../../src/parents/expiry.ts';
import { createMemoryParents } from '../../src/parents/memory-parents.ts';
import { callContext } from '../support/spicedb.ts';
import { ABSENT, createClock, createSource, EXPIRY, found, messageKey, SILENT } from './fixtures.ts';

function setUp({ jitter = 0, random = 0, maxEntries = 100 } = {}) {
  const clock = createClock();
  let answer: () => ParentResult | Promise<ParentResult> = () => found('task-1');
  const source = createSource(() => answer());
  const memory = createMemoryParents(
    { next: source, clock, expiryOf: createExpiry({ ...EXPIRY, jitter }, () => random), observer: SILENT },
    { maxEntries },
  );
  return {
    clock,
    source,
    lookup: async (...keys: Parameters<typeof messageKey>[0][]) => memory.lookup(keys.map(messageKey), callContext()),
    lookupForDenial: async (key: string) => memory.lookup([messageKey(key)], callContext(), 'denial'),
    peek: (key: string) => [memory.peek?.(messageKey(key)), memory.peek?.(messageKey(key), 'denial')],
    lookupName: async () =>
      memory.lookup([{ type: 'task', by: 'name', value: 'n', parentType: 'task' }], callContext()),
    setAnswer: (next: typeof answer) => {
      answer = next;
    },
  };
}

describe('memory', () => {
  test.each([
    ['a found parent', 0, 0, found('task-1'), 60_000],
    ['a found parent, less the jitter', 0.5, 0.5, found('task-1'), 45_000],
    ['an absence', 0, 0, ABSENT, 5_000],
  ])('keeps %s for its time', async (_, jitter, random, result, ttlMs) => {
    const { lookup, source, clock, setAnswer } = setUp({ jitter, random });
    setAnswer(() => result);
    await lookup('m');
    clock.advance(ttlMs - 1);
    expect(await lookup('m')).toEqual([result]);
    expect(source.asked).toHaveLength(1);
    clock.advance(1);
    await lookup('m');
    expect(source.asked).toHaveLength(2);
  });

  test('keeps a found parent no longer than an absence where it is grounds for a denial', async () => {
    const { lookup, lookupForDenial, peek, source, clock } = setUp();
    await lookup('m');
    clock.advance(4_999);
    expect(peek('m')).toEqual([found('task-1'), found('task-1')]);
    await lookupForDenial('m');
    expect(source.asked).toHaveLength(1);
    clock.advance(1);
    expect(peek('m')).toEqual([found('task-1'), undefined]);
    expect(await lookupForDenial('m')).toEqual([found('task-1')]);
    expect(source.asked).toHaveLength(2);
    // It has just been looked up, for whatever purpose.
    expect(peek('m')).toEqual([found('task-1'), found('task-1')]);
    await lookup('m');
    expect(source.asked).toHaveLength(2);
  });

  test('keeps a name for a short time only: it can be given to another resource', async () => {
    const { lookupName, source, clock } = setUp();
    await lookupName();
    clock.advance(5_000);
    await lookupName();
    expect(source.asked).toHaveLength(2);
  });

  test('counts an absence from the start of its read', async () => {
    const { lookup, source, clock, setAnswer } = setUp();
    const slow = Promise.withResolvers<ParentResult>();
    setAnswer(async () => slow.promise);
    const first = lookup('m');
    clock.advance(4_999);
    slow.resolve(ABSENT);
    await first;
    setAnswer(() => found('task-1'));
    expect(await lookup('m')).toEqual([ABSENT]);
    clock.advance(1);
    expect(await lookup('m')).toEqual([found('task-1')]);
    expect(source.asked).toHaveLength(2);
  });

  test('never hides a child that was found behind an absence that was read before', async () => {
    const { lookup, setAnswer } = setUp();
    const slow = Promise.withResolvers<ParentResult>();
    setAnswer(async () => slow.promise);
    const late = lookup('m');
    setAnswer(() => found('task-1'));
    await lookup('m');
    slow.resolve(ABSENT);
    await late;
    setAnswer(() => ABSENT);
    expect(await lookup('m')).toEqual([found('task-1')]);
  });

  test('never keeps a fault', async () => {
    const { lookup, source, setAnswer } = setUp();
    setAnswer(() => ({ kind: 'failed', error: new UnavailableError('database') }));
    expect(await lookup('m')).toMatchObject([{ kind: 'failed' }]);
    setAnswer(() => found('task-1'));
    expect(await lookup('m')).toEqual([found('task-1')]);
    expect(source.asked).toHaveLength(2);
  });

  test('asks below for what it lacks alone, and keeps the order', async () => {
    const { lookup, source, setAnswer } = setUp();
    await lookup('b');
    setAnswer(() => ABSENT);
    expect(await lookup('a', 'b', 'c', 'b')).toEqual([ABSENT, found('task-1'), ABSENT, found('task-1')]);
    expect(source.asked.at(-1)?.map(({ value }) => value)).toEqual(['a', 'c']);
  });

  test('holds no more than it may', async () => {
    const { lookup, source } = setUp({ maxEntries: 2 });
    await lookup('a', 'b', 'c');
    await lookup('a');
    expect(source.asked).toHaveLength(2);
  });
});
