import { expect, test } from 'vitest';
import type { CallContext } from '../../src/authorize/ports.ts';
import { createShadowRunner } from '../../src/authorize/run-in-shadow.ts';
import { DeadlineExceededError } from '../../src/domain/errors.ts';

const clock = { nowMs: Date.now };
const never = async (): Promise<never> => new Promise(() => undefined);

function setUp(options: { timeoutMs?: number; maxChecks?: number; isBusy?: () => boolean } = {}) {
  const { timeoutMs = 20, maxChecks = 4, isBusy = () => false } = options;
  return createShadowRunner({ clock, isBusy }, { timeoutMs, maxChecks });
}

test('does at once what needs nobody', () => {
  expect(setUp().run(1, () => 'done')).toBe('done');
});

test('ends work that hangs when its time is up, and tells it so', async () => {
  let told: CallContext | undefined;
  const work = setUp().run(1, async (context) => {
    told = context;
    return never();
  });
  await expect(work).rejects.toBeInstanceOf(DeadlineExceededError);
  expect(told?.signal.aborted).toBe(true);
});

test('does not begin more than it may, and goes on when some has ended', async () => {
  const shadow = setUp();
  const gate = Promise.withResolvers<undefined>();
  const first = shadow.run(3, async () => gate.promise);
  expect(shadow.run(2, () => 'second')).toBeUndefined();
  expect(shadow.run(1, () => 'small')).toBe('small');
  gate.resolve(undefined);
  await first;
  expect(shadow.run(2, () => 'second')).toBe('second');
});

test('does a piece that is larger than it may alone', async () => {
  const shadow = setUp();
  const large = shadow.run(100, async () => 'large');
  expect(shadow.run(1, () => 'small')).toBeUndefined();
  expect(await large).toBe('large');
});

test('does nothing while there is too much else to do', () => {
  let busy = true;
  const shadow = setUp({ isBusy: () => busy });
  expect(shadow.run(1, () => 'done')).toBeUndefined();
  busy = false;
  expect(shadow.run(1, () => 'done')).toBe('done');
});

test('ends what is under way when it is closed, and begins nothing', async () => {
  const shadow = setUp({ timeoutMs: 60_000 });
  const work = shadow.run(1, never);
  await shadow[Symbol.asyncDispose]();
  await expect(work).rejects.toThrow('spicedb is unavailable');
  expect(shadow.run(1, () => 'done')).toBeUndefined();
});
