import { describe, expect, test } from 'vitest';
import { createUniform } from '../support/random.ts';
import { compare } from './statistics.ts';
import { exceeded } from './thresholds.ts';

describe('compare', () => {
  test.each([
    ['apart', [3, 4], [1, 2], 1, 1],
    ['apart the other way', [1, 2], [3, 4], 0, 1],
    ['all alike', [1, 1, 1], [1, 1], 0.5, 0],
    ['interleaved', [1, 3], [2, 4], 0.25, 0.5],
    // Pairs: 2 > 1, 2 = 2, 3 > 1, 3 > 2.
    ['with a tie', [2, 3], [1, 2], 0.875, 0.5],
    ['of different sizes', [5], [1, 2, 3, 9], 0.75, 0.75],
  ])('tells the ranks of samples that are %s', (_, a, b, auc, ks) => {
    const comparison = compare(a, b);
    expect(comparison.auc).toBeCloseTo(auc);
    expect(comparison.ks).toBeCloseTo(ks);
  });

  test('gives the t of Welch, without the longest twentieth of both', () => {
    // 20 values: the one that is cropped is the last.
    const a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
    const b = [3, 4, 5, 6, 7, 8, 9, 10, 11, 1_000_000];
    // Means 5.5 and 7, variances 9.1667 and 7.5: -1.5 / sqrt(0.91667 + 0.83333).
    expect(compare(a, b).croppedT).toBeCloseTo(-1.1339, 4);
  });

  test('is not blind where neither sample varies', () => {
    expect(compare([1, 1, 1], [1, 1, 1]).croppedT).toBe(0);
    expect(
      compare(
        Array.from({ length: 50 }, () => 1),
        Array.from({ length: 50 }, () => 2),
      ).croppedT,
    ).toBe(-Infinity);
  });

  test('refuses an empty sample', () => {
    expect(() => compare([], [1])).toThrow('nothing to compare');
  });
});

describe('the limits', () => {
  /** Durations with a long tail, as calls have them: 200 µs, and 50 more on average. */
  function durations(count: number, seed: number, extra = 0): number[] {
    const next = createUniform(seed);
    return Array.from({ length: count }, () => 200 + extra - 50 * Math.log(1 - next()));
  }

  test('pass samples of one distribution', () => {
    expect(exceeded(compare(durations(5_000, 1), durations(5_000, 2)), 5_000)).toEqual([]);
    expect(exceeded(compare(durations(500, 1), durations(500, 2)), 500)).toEqual([]);
  });

  test('find a difference that is a tenth of what the samples vary', () => {
    expect(exceeded(compare(durations(5_000, 1, 5), durations(5_000, 2)), 5_000)).toEqual(['auc', 'croppedT', 'ks']);
  });

  test.each([
    [{ auc: 0.521, croppedT: 0, ks: 0 }, 5_000, ['auc']],
    [{ auc: 0.479, croppedT: 0, ks: 0 }, 5_000, ['auc']],
    [{ auc: 0.5, croppedT: -4.5, ks: 0 }, 5_000, ['croppedT']],
    [{ auc: 0.5, croppedT: 0, ks: 0.039 }, 5_000, ['ks']],
    [{ auc: 0.5199, croppedT: 4.49, ks: 0.0389 }, 5_000, []],
    [{ auc: 0.5199, croppedT: 4.49, ks: 0.0389 }, 20_000, []],
    [{ auc: 0.5399, croppedT: 4.49, ks: 0.077 }, 1_250, []],
    [{ auc: 0.541, croppedT: 4.5, ks: 0.079 }, 1_250, ['auc', 'croppedT', 'ks']],
  ] as const)('of %j with %i pairs find %j', (comparison, pairs, measures) => {
    expect(exceeded(comparison, pairs)).toEqual(measures);
  });
});
