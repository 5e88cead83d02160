import { expect, test } from 'vitest';
import { createSentinelPicker } from '../../src/relationships/sentinels.ts';

test.each([2, 3, 64, 127, 128])('of %i sentinels, no pair comes again before every pair has come', (count) => {
  const picker = createSentinelPicker({ count });
  const pairs = Math.ceil(count / 2) * Math.floor(count / 2);
  const seen = new Set<string>();
  for (let n = 0; n < pairs; n += 1) {
    const [standIn, companion] = [picker.standIn(), picker.companion()];
    expect(standIn).toBeLessThan(companion);
    expect(companion).toBeLessThan(count);
    seen.add(`${standIn} ${companion}`);
  }
  expect(seen.size).toBe(pairs);
});

test('a companion that goes with a denied resource makes no later pair come again sooner', () => {
  const picker = createSentinelPicker({ count: 64 });
  const seen = new Set<string>();
  for (let n = 0; n < 500; n += 1) {
    seen.add(`${picker.standIn()} ${picker.companion()}`);
    picker.companion();
  }
  expect(seen.size).toBe(500);
});

test('one sentinel is both', () => {
  const picker = createSentinelPicker({ count: 1 });
  expect([picker.standIn(), picker.companion(), picker.standIn(), picker.companion()]).toEqual([0, 0, 0, 0]);
});

test('replicas begin at different ones', () => {
  const [one, other] = [0.1, 0.6].map((at) => createSentinelPicker({ count: 64, random: () => at }));
  expect(one?.standIn()).not.toBe(other?.standIn());
  expect(one?.companion()).not.toBe(other?.companion());
});
