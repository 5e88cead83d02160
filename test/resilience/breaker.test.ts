import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CancelledError, UnavailableError } from '../../src/domain/errors.ts';
import type { Breaker, Verdict } from '../../src/resilience/breaker.ts';
import { createTestBreaker } from '../support/breaker.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

const FAULT = new Error('the store is down');

/** Runs work that throws, and is judged so. */
async function fail(breaker: Breaker, verdict: Verdict = 'fault'): Promise<unknown> {
  const work = async (): Promise<never> => Promise.reject(FAULT);
  return breaker.run(work, () => verdict).catch((error: unknown) => error);
}

async function succeed(breaker: Breaker): Promise<unknown> {
  return breaker
    .run(
      async () => 'answer',
      () => 'fault',
    )
    .catch((error: unknown) => error);
}

async function open(breaker: Breaker): Promise<void> {
  await fail(breaker);
  await fail(breaker);
  expect(breaker.state).toBe('open');
}

/** Work that is settled by hand. */
function begin(breaker: Breaker, verdict: Verdict = 'fault') {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outcome = breaker
    .run(
      async () => promise,
      () => verdict,
    )
    .catch((error: unknown) => error);
  return { outcome, resolve, reject };
}

describe('a breaker', () => {
  test('gives what the work gives, and throws what it throws', async () => {
    const { breaker } = createTestBreaker('database');
    expect(await succeed(breaker)).toBe('answer');
    for (const verdict of ['answered', 'unknown', 'fault'] as const) expect(await fail(breaker, verdict)).toBe(FAULT);
  });

  test('refuses at once while it is open, and does no work', async () => {
    const { breaker, told } = createTestBreaker('database');
    await open(breaker);
    const work = vi.fn<() => Promise<string>>(async () => 'answer');
    const refused = breaker.run(work, () => 'fault');
    await expect(refused).rejects.toThrow(new UnavailableError('database'));
    expect(() => breaker.assertAdmits()).toThrow(UnavailableError);
    expect(() => breaker.assertClosed()).toThrow(UnavailableError);
    expect(work).not.toHaveBeenCalled();
    expect(told).toEqual([
      'database closed',
      'database open',
      'database refused',
      'database refused',
      'database refused',
    ]);
  });

  test('closes when the probe succeeds', async () => {
    const { breaker, told } = createTestBreaker('spicedb');
    await open(breaker);
    vi.setSystemTime(Date.now() + 99);
    expect(await succeed(breaker)).toBeInstanceOf(UnavailableError);
    vi.setSystemTime(Date.now() + 1);
    expect(() => breaker.assertAdmits()).not.toThrow();
    expect(await succeed(breaker)).toBe('answer');
    expect(breaker.state).toBe('closed');
    expect(told.slice(1)).toEqual(['spicedb open', 'spicedb refused', 'spicedb half_open', 'spicedb closed']);
  });

  test('opens for twice as long after each probe that fails, up to a bound, and begins anew once it has been closed', async () => {
    const { breaker } = createTestBreaker('spicedb');
    await open(breaker);
    for (const openMs of [100, 200, 400, 400]) {
      vi.setSystemTime(Date.now() + openMs - 1);
      expect(await fail(breaker)).toBeInstanceOf(UnavailableError);
      vi.setSystemTime(Date.now() + 1);
      expect(await fail(breaker)).toBe(FAULT);
    }
    vi.setSystemTime(Date.now() + 400);
    await succeed(breaker);
    await open(breaker);
    vi.setSystemTime(Date.now() + 100);
    expect(await succeed(breaker)).toBe('answer');
  });

  test('lets one call at a time probe, and refuses the others meanwhile', async () => {
    const { breaker } = createTestBreaker('redis');
    await open(breaker);
    vi.setSystemTime(Date.now() + 100);
    const probe = begin(breaker);
    expect(breaker.state).toBe('half_open');
    const others = await Promise.all(Array.from({ length: 50 }, async () => succeed(breaker)));
    expect(others.every((outcome) => outcome instanceof UnavailableError)).toBe(true);
    expect(() => breaker.assertAdmits()).toThrow(UnavailableError);
    probe.resolve('back');
    expect(await probe.outcome).toBe('back');
    expect(await succeed(breaker)).toBe('answer');
  });

  test('is not closed by a probe that says nothing', async () => {
    const { breaker } = createTestBreaker('spicedb');
    await open(breaker);
    vi.setSystemTime(Date.now() + 100);
    await fail(breaker, 'unknown');
    expect(breaker.state).toBe('open');
  });

  test('is closed by a probe that the dependency has answered with a refusal', async () => {
    const { breaker } = createTestBreaker('spicedb');
    await open(breaker);
    vi.setSystemTime(Date.now() + 100);
    expect(await fail(breaker, 'answered')).toBe(FAULT);
    expect(breaker.state).toBe('closed');
  });

  test.each(['unknown', 'answered'] as const)('never opens for calls that are %s', async (verdict) => {
    const { breaker } = createTestBreaker('spicedb');
    for (let call = 0; call < 100; call += 1) await fail(breaker, verdict);
    expect(breaker.state).toBe('closed');
  });

  test('leaves what says nothing out of the share', async () => {
    const { breaker } = createTestBreaker('spicedb');
    await fail(breaker);
    for (let call = 0; call < 100; call += 1) await fail(breaker, 'unknown');
    await fail(breaker);
    expect(breaker.state).toBe('open');
  });

  test('does not count calls that began before it last changed', async () => {
    const { breaker } = createTestBreaker('spicedb');
    const late = Array.from({ length: 10 }, () => begin(breaker));
    await open(breaker);
    vi.setSystemTime(Date.now() + 100);
    const probe = begin(breaker);
    for (const { reject } of late.slice(0, 5)) reject(new CancelledError());
    await Promise.all(late.slice(0, 5).map(async ({ outcome }) => outcome));
    expect(breaker.state).toBe('half_open');
    probe.resolve('back');
    await probe.outcome;
    for (const { reject } of late.slice(5)) reject(FAULT);
    expect(await Promise.all(late.slice(5).map(async ({ outcome }) => outcome))).toEqual(
      late.slice(5).map(() => FAULT),
    );
    expect(breaker.state).toBe('closed');
  });
});
