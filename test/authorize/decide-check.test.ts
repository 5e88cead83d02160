import { expect, test } from 'vitest';
import { createDecideCheck } from '../../src/authorize/decide-check.ts';
import type { RelationshipCheck } from '../../src/authorize/ports.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { callContext, taskCheck } from '../support/spicedb.ts';

const { principal } = taskCheck('');
const check = {
  resource: { type: 'task', key: { kind: 'id', id: 'task-1' } },
  operation: 'read',
  consistency: MINIMIZE_LATENCY,
  createIfAbsent: false,
} as const;

function setUp(holds: boolean) {
  const loaded = loadConfig({ env: {}, readFile: () => '' }, { mode: 'demo' });
  if (loaded.kind === 'invalid') throw new Error('the defaults are invalid');
  const events: string[] = [];
  const asked: RelationshipCheck[] = [];
  const hold = Promise.withResolvers<void>();
  const decideCheck = createDecideCheck(
    {
      parents: { lookup: async () => [] },
      relationships: {
        async check(checks) {
          events.push('asked');
          asked.push(...checks);
          return { results: checks.map(() => ({ kind: 'denied' })), checkedAt: 'token' };
        },
      },
      sentinels: { standIn: () => 0 },
      ...(holds
        ? {
            holdHidden: () => {
              events.push('begun');
              return async ({ kind }) => {
                events.push(kind);
                await hold.promise;
              };
            },
          }
        : {}),
    },
    { types: loaded.config.types, consistencyByOperation: loaded.config.consistency, revealReadable: false },
  );
  return { events, asked, release: hold.resolve, decide: async () => decideCheck(principal, check, callContext()) };
}

test('what somebody is asked for is held from before that until it is released, and asked about alone', async () => {
  const { events, asked, release, decide } = setUp(true);
  const outcome = decide().then(({ kind }) => events.push(`told ${kind}`));
  await new Promise(setImmediate);
  expect(events).toEqual(['begun', 'asked', 'decided']);
  expect(asked.map(({ isHeld }) => isHeld)).toEqual([true]);
  release();
  await outcome;
  expect(events.at(-1)).toBe('told decided');
});

test('what is not held is asked about in company', async () => {
  const { asked, decide } = setUp(false);
  expect(await decide()).toMatchObject({ kind: 'decided' });
  expect(asked.map(({ isHeld }) => isHeld)).toEqual([false]);
});
