import { describe, expect, it } from 'vitest';
import type { DecideOptions } from '../../src/authorize/decide-checks.ts';
import { createDecideChecks } from '../../src/authorize/decide-checks.ts';
import type {
  CallContext,
  ParentKey,
  ParentResult,
  RelationshipCheck,
  RelationshipResult,
} from '../../src/authorize/ports.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { Consistency } from '../../src/domain/consistency.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import type { Operation } from '../../src/domain/operation.ts';
import type { Principal } from '../../src/domain/principal.ts';
import type { TaskCheck } from '../../src/domain/task-check.ts';

const principal: Principal = { kind: 'user', id: 'carol', account: 'acme' };
const context: CallContext = { signal: new AbortController().signal, deadlineAtMs: Number.MAX_SAFE_INTEGER };
const SENTINEL = { kind: 'sentinel', type: 'task', index: 7 };
const TASK_1 = { kind: 'resource', type: 'task', id: 'task-1' };

interface Asked {
  readonly checks: readonly RelationshipCheck[];
  readonly consistency: Consistency;
}

const PARENTS: Readonly<Record<string, ParentResult>> = {
  'msg-1': { kind: 'found', id: 'task-1' },
  'msg-2': { kind: 'found', id: 'task-1' },
  'msg-3': { kind: 'found', id: 'task-2' },
  report: { kind: 'found', id: 'task-1' },
  'msg-broken': { kind: 'failed', error: new UnavailableError('database') },
};

/** The use case on ports that count what they are asked. */
function setUp(
  options: Partial<DecideOptions> = {},
  answer: (check: RelationshipCheck) => RelationshipResult = () => ({ kind: 'denied' }),
) {
  const loaded = loadConfig({ env: {}, readFile: () => '' }, { mode: 'demo' });
  if (loaded.kind === 'invalid') throw new Error('the defaults are invalid');
  const asked: Asked[] = [];
  const lookedUp: (readonly ParentKey[])[] = [];
  const confirmed: (readonly ParentKey[])[] = [];
  let confirm = (key: ParentKey): ParentResult => PARENTS[key.value] ?? { kind: 'absent' };
  const decideChecks = createDecideChecks(
    {
      parents: {
        async lookup(keys, _context, purpose = 'any') {
          if (purpose === 'denial') {
            confirmed.push(keys);
            return keys.map(confirm);
          }
          lookedUp.push(keys);
          return keys.map(({ value }) => PARENTS[value] ?? { kind: 'absent' });
        },
      },
      relationships: {
        async check(checks, consistency) {
          asked.push({ checks, consistency });
          return { results: checks.map(answer), checkedAt: 'token' };
        },
      },
      sentinels: { standIn: () => SENTINEL.index },
    },
    {
      types: loaded.config.types,
      consistencyByOperation: loaded.config.consistency,
      revealReadable: false,
      ...options,
    },
  );
  const decide = async (...checks: TaskCheck[]) => decideChecks(principal, checks, context);
  const setConfirm = (next: typeof confirm): void => {
    confirm = next;
  };
  return { decide, asked, lookedUp, confirmed, setConfirm };
}

function check(type: string, id: string, operation: Operation = 'read'): TaskCheck {
  return {
    resource: { type, key: { kind: 'id', id } },
    operation,
    consistency: MINIMIZE_LATENCY,
    createIfAbsent: false,
  };
}

function named(name: string, operation: Operation = 'update'): TaskCheck {
  return {
    ...check('task', '', operation),
    resource: { type: 'task', key: { kind: 'name', name } },
    createIfAbsent: true,
  };
}

const toQuestions = (asked: readonly Asked[]) =>
  asked.map(({ checks }) => checks.map(({ object, permission }) => ({ object, permission })));

describe('createDecideChecks', () => {
  it.each([
    ['the default', false, ['update']],
    ['reveal_readable', true, ['update', 'read']],
  ])('with %s, asks in one call at one revision what it needs', async (_, revealReadable, permissions) => {
    const { decide, asked } = setUp({ revealReadable });
    await decide(check('message', 'msg-1', 'update'));
    expect(toQuestions(asked)).toEqual([permissions.map((permission) => ({ object: TASK_1, permission }))]);
  });

  it.each([
    ['read', false],
    ['update', false],
    ['read', true],
    ['update', true],
  ] as const)(
    'asks of an absent child (%s, revealing: %s) what it asks of a denied one, on a sentinel',
    async (operation, revealReadable) => {
      const denied = setUp({ revealReadable });
      const absent = setUp({ revealReadable });
      const [deniedOutcome] = await denied.decide(check('message', 'msg-1', operation));
      const [absentOutcome] = await absent.decide(check('message', 'msg-none', operation));
      const onSentinel = toQuestions(denied.asked).map((questions) =>
        questions.map(({ permission }) => ({ object: SENTINEL, permission })),
      );
      expect(toQuestions(absent.asked)).toEqual(onSentinel);
      expect(absent.asked.map(({ consistency }) => consistency)).toEqual(
        denied.asked.map(({ consistency }) => consistency),
      );
      expect(absentOutcome).toMatchObject({ decision: { kind: 'NOT_FOUND' }, reason: 'absent' });
      expect(deniedOutcome).toMatchObject({ decision: { kind: 'NOT_FOUND' }, reason: 'denied' });
    },
  );

  it.each([
    ['taken', 'report', TASK_1],
    ['free', 'no-such-name', SENTINEL],
  ])('asks as much with create_if_absent of a name that is %s', async (_, name, object) => {
    const { decide, asked } = setUp();
    expect(await decide(named(name))).toMatchObject([{ decision: { kind: 'NOT_FOUND' } }]);
    const onTenant = { object: { kind: 'tenant', account: 'acme' }, permission: 'create_task' };
    expect(toQuestions(asked)).toEqual([[{ object, permission: 'update' }, onTenant]]);
  });

  it('never allows through a sentinel, even if one were granted to the principal', async () => {
    const { decide } = setUp({ revealReadable: true }, () => ({ kind: 'held' }));
    expect(await decide(check('message', 'msg-none', 'update'))).toMatchObject([
      { kind: 'decided', decision: { kind: 'NOT_FOUND' }, reason: 'absent' },
    ]);
  });

  it('looks up again what is hidden, denied and absent alike, and nothing that is allowed or known', async () => {
    const { decide, confirmed } = setUp({}, ({ object }) => ({
      kind: object.kind === 'resource' && object.id === 'task-2' ? 'held' : 'denied',
    }));
    await decide(
      check('message', 'msg-1'),
      check('message', 'msg-3'),
      check('task', 'task-1'),
      check('message', 'none'),
    );
    expect(confirmed.map((keys) => keys.map(({ value }) => value))).toEqual([['msg-1', 'none']]);
  });

  it.each<[string, ParentResult, object]>([
    ['stands if it is found where it was', { kind: 'found', id: 'task-1' }, { decision: { kind: 'NOT_FOUND' } }],
    ['stands if it is gone', { kind: 'absent' }, { decision: { kind: 'NOT_FOUND' } }],
    [
      'is an error if it can not be told',
      { kind: 'failed', error: new UnavailableError('database') },
      { kind: 'failed' },
    ],
    [
      'rests on the later lookup',
      { kind: 'found', id: 'task-1', source: 'redis' },
      { kind: 'decided', decision: { kind: 'NOT_FOUND' }, evidence: { parent: 'redis' } },
    ],
    ['is an error if it leads elsewhere by now', { kind: 'found', id: 'task-2' }, { kind: 'failed' }],
  ])('a denial %s', async (_, result, outcome) => {
    const { decide, setConfirm } = setUp();
    setConfirm(() => result);
    expect(await decide(check('message', 'msg-1'))).toMatchObject([outcome]);
  });

  it('asks nothing after a lookup that failed, and is an error', async () => {
    const { decide, asked } = setUp();
    expect(await decide(check('message', 'msg-broken'))).toEqual([
      { kind: 'failed', error: new UnavailableError('database') },
    ]);
    expect(asked).toEqual([]);
  });

  it('asks in one call for all items of one consistency, and looks up all parents in one go', async () => {
    const { decide, asked, lookedUp } = setUp();
    await decide(
      check('message', 'msg-1'),
      check('task', 'task-1', 'delete'),
      check('message', 'msg-none'),
      check('task', 'task-1', 'cancel'),
      check('message', 'msg-2', 'update'),
    );
    expect(lookedUp.map((keys) => keys.map(({ value }) => value))).toEqual([['msg-1', 'msg-none', 'msg-2']]);
    expect(
      asked.map(({ checks, consistency }) => [consistency.kind, checks.map(({ permission }) => permission)]),
    ).toEqual([
      ['minimize_latency', ['read', 'read', 'update']],
      ['fully_consistent', ['delete', 'cancel']],
    ]);
  });

  it('looks up nothing for what names its object itself', async () => {
    const { decide, lookedUp } = setUp();
    await decide(check('task', 'task-1'), check('agent', 'agent-1'));
    expect(lookedUp).toEqual([]);
  });

  it('asks nothing for a check that the configuration has no rule for', async () => {
    const { decide, asked, lookedUp } = setUp();
    expect(await decide(check('spaceship', 'x'), check('checkpoint', 'task-1', 'execute'))).toMatchObject([
      { kind: 'failed', error: { field: 'resource.type' } },
      { kind: 'failed', error: { field: 'operation' } },
    ]);
    expect([asked, lookedUp]).toEqual([[], []]);
  });

  it('makes an error of what could not be asked, and keeps what else was decided', async () => {
    const { decide } = setUp({ revealReadable: true }, ({ permission }) =>
      permission === 'read' ? { kind: 'failed', error: new OverloadedError() } : { kind: 'denied' },
    );
    const outcomes = await decide(
      check('message', 'msg-1', 'update'),
      check('event', 'event-1', 'create'),
      check('message', 'msg-broken'),
    );
    expect(outcomes).toMatchObject([
      { kind: 'failed', error: { name: 'OverloadedError' } },
      { kind: 'decided', decision: { kind: 'NOT_FOUND' } },
      { kind: 'failed', error: { name: 'UnavailableError' } },
    ]);
  });
});
