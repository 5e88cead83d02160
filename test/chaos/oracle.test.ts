import { describe, expect, test } from 'vitest';
import type { Life } from './history.ts';
import type { TaskRecord, Write } from './model.ts';
import type { Judgement, Observation } from './oracle.ts';
import { ABSENT_TTL_MS, createOracle, findLost } from './oracle.ts';

/** A task is registered at 10,000, bob is made a viewer at 20,000 and is none any more from 30,000 on. */
const REGISTERED_MS = 10_000;
const GRANTED_MS = 20_000;
const REVOKED_MS = 30_000;
/** How long each write takes; it is committed at once. */
const WRITE_MS = 100;
const BOB = { user: 'bob', account: 'acme' };
const VIEWER = { role: 'viewer', user: 'bob' } as const;

function write(effect: Write['effect'], sentMs: number, { code = 'OK', process = 'a1' } = {}): Write {
  return {
    effect,
    process,
    sentMs,
    endedMs: sentMs + WRITE_MS,
    code,
    token: code === 'OK' ? `at ${sentMs}` : undefined,
  };
}

function edge(committedMs: number, seenMs = committedMs + 2_000) {
  return { committedMs, seenMs };
}

function setUp({ revoked = {}, rows = {} }: { revoked?: { code?: string }; rows?: Partial<TaskRecord['rows']> } = {}) {
  const task: TaskRecord = {
    id: 'task-1',
    name: 'name-1',
    messages: ['message-1'],
    creator: { user: 'alice', account: 'acme' },
    writes: [
      write({ kind: 'register' }, REGISTERED_MS),
      write({ kind: 'grant', ...VIEWER }, GRANTED_MS),
      write({ kind: 'revoke', ...VIEWER }, REVOKED_MS, revoked),
    ],
    rows: { insertSentMs: REGISTERED_MS, insertedMs: REGISTERED_MS, deleteSentMs: undefined, ...rows },
    isBusy: false,
    isUnfinished: false,
  };
  const lives = new Map<string, readonly Life[]>([
    ['tenant@tenant:acme', [{ from: edge(REGISTERED_MS), to: undefined }]],
    ['owner@user:alice', [{ from: edge(REGISTERED_MS), to: undefined }]],
    ['viewer@user:bob', [{ from: edge(GRANTED_MS), to: edge(REVOKED_MS) }]],
  ]);
  const judge = (
    asked: Partial<Observation> & Pick<Observation, 'sentMs' | 'isAllowed'>,
    { isWatched = true, lagMs = 0 } = {},
  ): Judgement => {
    const oracle = createOracle({
      history: { livesOf: () => lives },
      wasWatched: () => isWatched,
      lagMs: () => lagMs,
    });
    const observation: Observation = {
      rpc: 'check',
      replica: 'b',
      process: 'b1',
      person: BOB,
      task,
      asked: 'task',
      permission: 'read',
      answeredMs: asked.sentMs + 10,
      asFreshAs: undefined,
      isFullyConsistent: false,
      ...asked,
    };
    return oracle.judge(observation);
  };
  return { task, lives, judge };
}

const REVOKE_ENDED_MS = REVOKED_MS + WRITE_MS;
const GRANT_ENDED_MS = GRANTED_MS + WRITE_MS;

describe('an allow', () => {
  test.each([
    { what: 'while it is true', sentMs: 25_000, verdict: 'right' },
    {
      what: 'that another replica was told of less than a second ago',
      sentMs: REVOKE_ENDED_MS + 990,
      verdict: 'right',
    },
    { what: 'more than a second after the revoke', sentMs: REVOKE_ENDED_MS + 1_010, verdict: 'wrong allow' },
    { what: 'before it was ever true', sentMs: 15_000, verdict: 'wrong allow' },
  ])('$what is $verdict', ({ sentMs, verdict }) => {
    expect(setUp().judge({ sentMs, isAllowed: true }).verdict).toBe(verdict);
  });

  test.each([
    { staleMs: 5_490, verdict: 'right' },
    { staleMs: 5_510, verdict: 'wrong allow' },
  ])('$staleMs ms after the revoke is $verdict while Watch is cut', ({ staleMs, verdict }) => {
    const judgement = setUp().judge({ sentMs: REVOKE_ENDED_MS + staleMs, isAllowed: true }, { isWatched: false });
    expect(judgement).toMatchObject({ verdict, staleMs });
  });

  test('is forgiven for as long as the processes were late, and no longer', () => {
    const { judge } = setUp();
    expect(judge({ sentMs: REVOKE_ENDED_MS + 1_400, isAllowed: true }, { lagMs: 500 }).verdict).toBe('right');
    expect(judge({ sentMs: REVOKE_ENDED_MS + 1_600, isAllowed: true }, { lagMs: 500 }).verdict).toBe('wrong allow');
  });

  test.each([
    { how: 'the process that revoked', asked: { process: 'a1' } },
    { how: 'a fully consistent check', asked: { isFullyConsistent: true } },
    { how: 'an operation that is always fully consistent', asked: { permission: 'share' } },
  ] as const)('of $how is wrong at once, whatever the lag', ({ asked }) => {
    const sentMs = REVOKE_ENDED_MS + 1;
    expect(setUp().judge({ sentMs, isAllowed: true, ...asked }, { lagMs: 500 }).verdict).toBe('wrong allow');
  });

  test('of a check with the token of the revoke is wrong at once', () => {
    const { judge, task } = setUp();
    const [, granted, revoked] = task.writes;
    if (granted === undefined || revoked === undefined) throw new Error('no write');
    const sentMs = REVOKE_ENDED_MS + 1;
    expect(judge({ sentMs, isAllowed: true, asFreshAs: { write: revoked, task } }).verdict).toBe('wrong allow');
    expect(judge({ sentMs, isAllowed: true, asFreshAs: { write: granted, task } }).verdict).toBe('right');
  });

  test('counts from when the revoke was seen if nobody was told of it', () => {
    const { judge } = setUp({ revoked: { code: 'UNAVAILABLE' } });
    expect(judge({ sentMs: REVOKED_MS + 2_900, isAllowed: true }).verdict).toBe('right');
    expect(judge({ sentMs: REVOKED_MS + 3_100, isAllowed: true }).verdict).toBe('wrong allow');
  });

  test('of a person in another account is never right', () => {
    const person = { user: 'bob', account: 'globex' };
    expect(setUp().judge({ sentMs: 25_000, isAllowed: true, person })).toMatchObject({
      verdict: 'wrong allow',
      staleMs: Infinity,
    });
  });
});

describe('a not-found', () => {
  test.each([
    { what: 'while it is true', sentMs: 15_000, verdict: 'right' },
    { what: 'less than a second after the grant', sentMs: GRANT_ENDED_MS + 990, verdict: 'right' },
    { what: 'more than a second after the grant', sentMs: GRANT_ENDED_MS + 1_010, verdict: 'false not-found' },
    { what: 'that is asked before the revoke and answered after it', sentMs: REVOKED_MS - 5, verdict: 'right' },
  ])('$what is $verdict', ({ sentMs, verdict }) => {
    expect(setUp().judge({ sentMs, isAllowed: false }).verdict).toBe(verdict);
  });

  test('of the process that granted is false at once', () => {
    const { judge } = setUp();
    expect(judge({ sentMs: GRANT_ENDED_MS + 1, isAllowed: false, process: 'a1' }).verdict).toBe('false not-found');
  });

  test('of a message is right for as long as its absence may be kept, and once it is being deleted', () => {
    const insertedMs = 22_000;
    const { judge } = setUp({ rows: { insertSentMs: 21_000, insertedMs, deleteSentMs: 28_000 } });
    const verdictAt = (sentMs: number) => judge({ sentMs, isAllowed: false, asked: 'message' }).verdict;
    expect(verdictAt(insertedMs + ABSENT_TTL_MS - 10)).toBe('right');
    expect(verdictAt(insertedMs + ABSENT_TTL_MS + 10)).toBe('false not-found');
    expect(verdictAt(27_995)).toBe('right');
  });
});

describe('an acknowledged write', () => {
  test('is lost if what it wrote was never there while it was made', () => {
    const { task, lives } = setUp();
    expect(task.writes.map((made) => findLost(task, made, lives))).toEqual([undefined, undefined, undefined]);
    const [registered, granted, revoked] = task.writes;
    if (registered === undefined || granted === undefined || revoked === undefined) throw new Error('no write');
    expect(findLost(task, registered, new Map())).toBe('registered without tenant@tenant:acme, owner@user:alice');
    expect(findLost(task, granted, new Map())).toBe('granted without viewer@user:bob');
    const everlasting = new Map([['viewer@user:bob', [{ from: edge(GRANTED_MS), to: undefined }]]]);
    expect(findLost(task, revoked, everlasting)).toBe('revoked with viewer@user:bob');
    const deregistered = write({ kind: 'deregister' }, 40_000);
    expect(findLost(task, deregistered, lives)).toBe('deregistered with tenant@tenant:acme');
  });
});
