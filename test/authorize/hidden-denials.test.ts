import { describe, expect, it } from 'vitest';
import type { HiddenDenialOptions } from '../../src/authorize/hidden-denials.ts';
import { createHiddenDenials } from '../../src/authorize/hidden-denials.ts';
import type { DecideCheck } from '../../src/authorize/ports.ts';
import type { Outcome } from '../../src/domain/decision.ts';
import { FORBIDDEN, NOT_FOUND } from '../../src/domain/decision.ts';
import { OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import type { Principal } from '../../src/domain/principal.ts';
import type { TaskCheck } from '../../src/domain/task-check.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';

const WINDOW_MS = 60_000;
const CONTEXT = { signal: new AbortController().signal, deadlineAtMs: Infinity };
const DENIED: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'denied' };
const ABSENT: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'absent' };
const ALLOWED: Outcome = {
  kind: 'decided',
  decision: { kind: 'ALLOWED', object: undefined, checkedAt: '' },
  reason: 'held',
};
const FORBIDDEN_OPENLY: Outcome = { kind: 'decided', decision: FORBIDDEN, reason: 'denied' };
const FAULT: Outcome = { kind: 'failed', error: new UnavailableError('spicedb') };

function principal(id: string, account = 'acme'): Principal {
  return { kind: 'user', id, account };
}

function check(id = 'task-1'): TaskCheck {
  return {
    resource: { type: 'task', key: { kind: 'id', id } },
    operation: 'read',
    consistency: MINIMIZE_LATENCY,
    createIfAbsent: false,
  };
}

function setUp(options: Partial<HiddenDenialOptions> = {}) {
  let nowMs = 1_000_000;
  const suspected: string[] = [];
  let refused = 0;
  let asked = 0;
  const hiddenDenials = createHiddenDenials(
    {
      clock: { nowMs: () => nowMs },
      observer: {
        suspected: ({ id }) => suspected.push(id),
        throttled: () => {
          refused += 1;
        },
      },
    },
    { windowMs: WINDOW_MS, suspectAt: 3, limit: undefined, ...options },
  );
  const answering = (outcome: Outcome): DecideCheck =>
    hiddenDenials.watchCheck(() => {
      asked += 1;
      return outcome;
    });
  return {
    hiddenDenials,
    suspected,
    refused: () => refused,
    asked: () => asked,
    /** Asks `times` times; the last outcome. */
    ask: async (who: Principal, outcome: Outcome, times = 1): Promise<Outcome | undefined> => {
      let last: Outcome | undefined;
      for (let time = 0; time < times; time += 1) last = await answering(outcome)(who, check(), CONTEXT);
      return last;
    },
    pass: (ms: number): void => {
      nowMs += ms;
    },
  };
}

describe('hidden denials', () => {
  it('counts denied and absent alike, and nothing else', async () => {
    const { ask, hiddenDenials } = setUp();
    await ask(principal('a'), DENIED, 2);
    await ask(principal('b'), ABSENT, 2);
    for (const outcome of [ALLOWED, FORBIDDEN_OPENLY, FAULT]) await ask(principal('c'), outcome, 5);
    expect(hiddenDenials.figures()).toEqual({ highest: 2, suspects: 0 });
  });

  it('says once that a principal is a suspect', async () => {
    const { ask, hiddenDenials, suspected } = setUp();
    await ask(principal('a'), DENIED, 2);
    expect(suspected).toEqual([]);
    await ask(principal('a'), ABSENT, 5);
    await ask(principal('a', 'other'), ABSENT);
    expect(suspected).toEqual(['a']);
    expect(hiddenDenials.figures()).toEqual({ highest: 7, suspects: 1 });
  });

  it('forgets a window by and by', async () => {
    const { ask, hiddenDenials, pass } = setUp();
    await ask(principal('a'), DENIED, 8);
    pass(WINDOW_MS);
    expect(hiddenDenials.figures().highest).toBe(8);
    pass(WINDOW_MS / 2);
    expect(hiddenDenials.figures().highest).toBe(4);
    pass(WINDOW_MS / 2);
    expect(hiddenDenials.figures()).toEqual({ highest: 0, suspects: 0 });
  });

  it('counts each item of a batch', async () => {
    const { hiddenDenials } = setUp();
    const decide = hiddenDenials.watchChecks(async () => [DENIED, ALLOWED, ABSENT]);
    expect(await decide(principal('a'), [check(), check(), check()], CONTEXT)).toEqual([DENIED, ALLOWED, ABSENT]);
    expect(hiddenDenials.figures().highest).toBe(2);
  });

  it('refuses nobody without a limit', async () => {
    const { ask, refused } = setUp();
    expect(await ask(principal('a'), DENIED, 1_000)).toBe(DENIED);
    expect(refused()).toBe(0);
  });

  it.each([
    ['denied', DENIED],
    ['absent', ABSENT],
    ['allowed', ALLOWED],
    ['a fault', FAULT],
  ])('refuses a principal over the limit what is %s, without looking', async (_, outcome) => {
    const { ask, asked, refused } = setUp({ limit: 5 });
    expect(await ask(principal('a'), DENIED, 5)).toBe(DENIED);
    const askedBefore = asked();
    const answer = await ask(principal('a'), outcome);
    expect(answer?.kind === 'failed' && answer.error).toBeInstanceOf(OverloadedError);
    expect(answer?.kind === 'failed' && answer.error.message).toBe(new OverloadedError().message);
    expect(asked()).toBe(askedBefore);
    expect(refused()).toBe(1);
    expect(await ask(principal('b'), outcome)).toBe(outcome);
  });

  it('refuses a whole batch over the limit, and decides again when the window has moved on', async () => {
    const { ask, hiddenDenials, pass } = setUp({ limit: 5 });
    await ask(principal('a'), DENIED, 5);
    const decide = hiddenDenials.watchChecks(async (_, checks) => checks.map(() => ALLOWED));
    const refused = await decide(principal('a'), [check(), check()], CONTEXT);
    expect(refused.map(({ kind }) => kind)).toEqual(['failed', 'failed']);
    pass(WINDOW_MS * 1.5);
    expect(await decide(principal('a'), [check()], CONTEXT)).toEqual([ALLOWED]);
  });

  it('keeps a bounded number of principals, those that were denied last', async () => {
    const { ask, hiddenDenials } = setUp({ maxPrincipals: 2, suspectAt: 1 });
    for (const id of ['a', 'b', 'a', 'c']) await ask(principal(id), DENIED);
    expect(hiddenDenials.figures()).toEqual({ highest: 2, suspects: 2 });
  });

  it('takes no principal for another', async () => {
    const { ask, hiddenDenials } = setUp();
    const alike: Principal[] = [
      { kind: 'user', id: 'a', account: 'bc' },
      { kind: 'user', id: 'ab', account: 'c' },
      { kind: 'agent', id: 'a', account: 'bc' },
      { kind: 'user', id: '1:a', account: 'bc' },
    ];
    for (const who of alike) await ask(who, DENIED);
    expect(hiddenDenials.figures().highest).toBe(1);
  });
});
