import { describe, expect, test } from 'vitest';
import type { RelationshipCheck, RelationshipResult } from '../../src/authorize/ports.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import { createCompanionRelationships } from '../../src/relationships/companion-relationships.ts';
import { callContext, task, taskCheck } from '../support/spicedb.ts';

const FAILED: RelationshipResult = { kind: 'failed', error: new UnavailableError('spicedb') };
const { principal } = taskCheck('');
const read = (id: string): RelationshipCheck => ({ object: task(id), permission: 'read', principal });
const sentinel = { kind: 'sentinel', type: 'task', index: 7 } as const;
const companion = { object: { kind: 'sentinel', type: 'task', index: 9 }, permission: 'read', principal };

function setUp(answer: (check: RelationshipCheck) => RelationshipResult = () => ({ kind: 'denied' })) {
  const asked: (readonly RelationshipCheck[])[] = [];
  const relationships = createCompanionRelationships({
    sentinels: { companion: () => 9 },
    inner: {
      async check(checks) {
        asked.push(checks);
        return { results: checks.map(answer), checkedAt: 'token' };
      },
    },
  });
  const check = async (...checks: RelationshipCheck[]) => relationships.check(checks, MINIMIZE_LATENCY, callContext());
  return { asked, check };
}

describe('a check of what may be hidden', () => {
  test('is asked beside a sentinel, whose answer is thrown away', async () => {
    const { asked, check } = setUp(({ object }) => ({ kind: object.kind === 'sentinel' ? 'held' : 'denied' }));
    expect(await check(read('task-1'))).toEqual({ results: [{ kind: 'denied' }], checkedAt: 'token' });
    expect(asked).toEqual([[read('task-1'), companion]]);
  });

  test('fails alone where it is one of several, and as a whole where it is not, as without a companion', async () => {
    const { check } = setUp(({ object }) => (object.kind === 'sentinel' ? { kind: 'held' } : FAILED));
    await expect(check(read('task-1'))).rejects.toThrow(UnavailableError);
    expect((await check(read('task-1'), read('task-2'))).results).toEqual([FAILED, FAILED]);
  });

  test('is answered though its companion fails', async () => {
    const { check } = setUp(({ object }) => (object.kind === 'sentinel' ? FAILED : { kind: 'held' }));
    expect((await check(read('task-1'))).results).toEqual([{ kind: 'held' }]);
  });

  test('shares its companion with neighbours that are asked the same', async () => {
    const { asked, check } = setUp();
    const remove = { ...read('task-2'), permission: 'delete' };
    const { results } = await check(read('task-1'), read('task-2'), remove);
    expect(results).toHaveLength(3);
    expect(asked[0]?.slice(3)).toEqual([companion, { ...companion, permission: 'delete' }]);
  });
});

test.each<[string, RelationshipCheck, readonly object[]]>([
  ['what was looked up has a companion', { ...read('task-1'), askedAs: 'message:id:1' }, [companion]],
  ['what is absent has one, too', { ...read(''), object: sentinel, askedAs: 'message:id:1' }, [companion]],
  ['what is held has none', { ...read('task-1'), isHeld: true }, []],
  ['a tenant, which is never hidden, has none', { ...read(''), object: { kind: 'tenant', account: 'acme' } }, []],
  ['a sentinel that nobody asked about has none', { ...read(''), object: sentinel }, []],
])('%s', async (_, question, companions) => {
  const { asked, check } = setUp();
  await check(question);
  expect(asked).toEqual([[question, ...companions]]);
});
