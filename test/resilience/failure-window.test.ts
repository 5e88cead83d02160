import { CircuitState } from 'cockatiel';
import { expect, test } from 'vitest';
import { createFailureWindow } from '../../src/resilience/failure-window.ts';
import { createClock } from '../parents/fixtures.ts';

const { Closed, HalfOpen } = CircuitState;

function setUp({ failureRatio = 0.5, minCalls = 4, windowMs = 1_000 } = {}) {
  const clock = createClock();
  const window = createFailureWindow({ clock }, { failureRatio, minCalls, windowMs });
  /** `x` fails and `.` succeeds; what the window says of the last one. */
  const count = (calls: string): boolean => {
    let isTooMuch = false;
    for (const call of calls) {
      if (call === 'x') isTooMuch = window.failure(Closed);
      else window.success(Closed);
    }
    return isTooMuch;
  };
  return { ...clock, window, count };
}

test.each([
  ['x', false],
  ['xxx', false],
  ['xxxx', true],
  ['..x', false],
  ['..xx', true],
  ['...xx', false],
  ['...xxx', true],
  ['........xxx', false],
  ['........xxxx', true],
])('of the calls %s, says that they are too much: %s', (calls, expected) => {
  expect(setUp().count(calls)).toBe(expected);
});

test('forgets what is longer ago than the window', () => {
  const { count, advance } = setUp();
  expect(count('xx.x')).toBe(true);
  expect(count('xx.')).toBe(false);
  advance(1_101);
  expect(count('x')).toBe(false);
  expect(count('xx')).toBe(false);
});

test('forgets failures of long ago however little is called since', () => {
  const { count, advance } = setUp({ minCalls: 3 });
  count('.xx.');
  advance(60_000);
  expect(count('x')).toBe(false);
  advance(60_000);
  expect(count('.x')).toBe(false);
});

test('counts failures in a row however slowly they come', () => {
  const { count, advance } = setUp({ minCalls: 3 });
  expect(count('..........x')).toBe(false);
  advance(5_000);
  expect(count('x')).toBe(false);
  advance(5_000);
  expect(count('x')).toBe(true);
});

test('begins anew when it has said so, and when a probe succeeds', () => {
  const { window, count } = setUp();
  expect(count('xxxx')).toBe(true);
  expect(count('xxx')).toBe(false);
  window.success(HalfOpen);
  expect(count('xx.')).toBe(false);
});

test('says so at once when a probe fails', () => {
  expect(setUp().window.failure(HalfOpen)).toBe(true);
});

test('goes on counting when the clock is set back', () => {
  const { count, advance } = setUp();
  count('xxx...');
  advance(-3_600_000);
  expect(count('xxxx')).toBe(true);
});
