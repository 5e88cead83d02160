import { describe, expect, test } from 'vitest';
import { createHoldHidden } from '../../src/authorize/hold-hidden.ts';
import type { Evidence, Outcome } from '../../src/domain/decision.ts';
import { NOT_FOUND } from '../../src/domain/decision.ts';
import { UnavailableError } from '../../src/domain/errors.ts';

const FAR_AWAY_MS = 60_000;

/** What a hold waits for is noted, and not waited for. */
function setUp({ random = (): number => 0 } = {}) {
  let nowMs = 1_000;
  const releasedAt: number[] = [];
  const hold = createHoldHidden({
    clock: { nowMs: () => nowMs },
    random,
    stopwatch: {
      nowMs: () => nowMs,
      async reaches(atMs) {
        releasedAt.push(atMs);
      },
    },
  });
  /** How long after its beginning the outcome may be told; undefined if at once. */
  const heldFor = async (outcome: Outcome, tookMs: number, timeoutMs = FAR_AWAY_MS): Promise<number | undefined> => {
    const startedAtMs = nowMs;
    const release = hold({ signal: new AbortController().signal, deadlineAtMs: nowMs + timeoutMs });
    nowMs += tookMs;
    await release(outcome);
    const releaseAtMs = releasedAt.pop();
    return releaseAtMs === undefined ? undefined : releaseAtMs - startedAtMs;
  };
  return { heldFor };
}

function hidden(parent: Evidence['parent'], relationships: Evidence['relationships'], reason: 'absent' | 'denied') {
  return { kind: 'decided', decision: NOT_FOUND, reason, evidence: { parent, relationships, checkedAt: '' } } as const;
}

const ALLOWED: Outcome = {
  kind: 'decided',
  decision: { kind: 'ALLOWED', object: undefined, checkedAt: '' },
  reason: 'held',
  evidence: { parent: 'database', relationships: 'spicedb', checkedAt: '' },
};

describe('what is hidden', () => {
  test.each([
    ['none', 'spicedb'],
    ['memory', 'spicedb'],
    ['redis', 'cache'],
    ['database', 'spicedb'],
  ] as const)('is told after the hold, however long %s, %s took', async (parent, relationships) => {
    const { heldFor } = setUp();
    for (const [reason, tookMs] of [
      ['absent', 0.3],
      ['denied', 4.9],
      ['denied', 0.1],
    ] as const) {
      expect(await heldFor(hidden(parent, relationships, reason), tookMs)).toBe(5);
    }
  });

  test('is told at once where all of it was in memory', async () => {
    const { heldFor } = setUp();
    expect(await heldFor(hidden('memory', 'cache', 'denied'), 0.1)).toBeUndefined();
    expect(await heldFor(hidden('none', 'cache', 'denied'), 0.1)).toBeUndefined();
  });

  test('is told at some random time of the 0.7 ms after the hold', async () => {
    const { heldFor } = setUp({ random: () => 0.5 });
    expect(await heldFor(hidden('none', 'spicedb', 'absent'), 1)).toBeCloseTo(5.35);
  });

  test('is told before the caller runs out of time', async () => {
    const { heldFor } = setUp();
    expect(await heldFor(hidden('none', 'spicedb', 'absent'), 1, 4)).toBeCloseTo(3.2);
  });
});

test('what is allowed, and a fault, are told at once', async () => {
  const { heldFor } = setUp();
  expect(await heldFor(ALLOWED, 1)).toBeUndefined();
  expect(await heldFor({ kind: 'failed', error: new UnavailableError('spicedb') }, 1)).toBeUndefined();
});

test('a hold follows what most answers take, each way by itself, and goes back', async () => {
  const { heldFor } = setUp();
  const slow = hidden('database', 'spicedb', 'absent');
  const tookMs = (n: number): number => (n % 40 === 0 ? 60 : 18 + (n % 3));
  for (let n = 1; n <= 500; n += 1) await heldFor(slow, tookMs(n));
  const held = await heldFor(slow, 20);
  expect(held).toBeGreaterThan(20);
  expect(held).toBeLessThan(45);
  expect(await heldFor(hidden('none', 'spicedb', 'absent'), 1)).toBe(5);
  for (let n = 0; n < 5_000; n += 1) await heldFor(slow, 1);
  expect(await heldFor(slow, 1)).toBeCloseTo(5);
});

test('a hold does not grow without bounds, whatever hangs', async () => {
  const { heldFor } = setUp();
  for (let n = 0; n < 1_000; n += 1) await heldFor(hidden('none', 'spicedb', 'absent'), 10_000);
  expect(await heldFor(hidden('none', 'spicedb', 'absent'), 1)).toBeLessThan(150);
});
