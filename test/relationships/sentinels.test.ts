import { expect, test } from 'vitest';
import { createSentinelPicker } from '../../src/relationships/sentinels.ts';

const COUNT = 64;
const asked = Array.from({ length: 6_400 }, (_, index) => `msg-${index}`);

test('picks the same sentinel for the same question, in every replica', () => {
  const one = createSentinelPicker({ secret: 'secret', count: COUNT });
  const other = createSentinelPicker({ secret: 'secret', count: COUNT });
  for (const id of asked.slice(0, 100)) expect(one.pick('task', id)).toBe(other.pick('task', id));
});

test('uses all of them about alike', () => {
  const picker = createSentinelPicker({ secret: 'secret', count: COUNT });
  const counts = Array.from({ length: COUNT }, () => 0);
  for (const id of asked) counts[picker.pick('task', id)] = (counts[picker.pick('task', id)] ?? 0) + 1;
  expect(counts).toHaveLength(COUNT);
  // 100 each are expected; six standard deviations are about 60.
  expect(Math.min(...counts)).toBeGreaterThan(40);
  expect(Math.max(...counts)).toBeLessThan(160);
});

test('depends on the secret and on the type, whose end can not pose as the beginning of the id', () => {
  const picker = createSentinelPicker({ secret: 'secret', count: 2 ** 32 });
  const other = createSentinelPicker({ secret: 'other', count: 2 ** 32 });
  expect(other.pick('task', 'a')).not.toBe(picker.pick('task', 'a'));
  expect(picker.pick('agent', 'a')).not.toBe(picker.pick('task', 'a'));
  expect(picker.pick('ta', 'sk')).not.toBe(picker.pick('t', 'ask'));
  expect(picker.pick('a', '1:b')).not.toBe(picker.pick('a1:', 'b'));
});
