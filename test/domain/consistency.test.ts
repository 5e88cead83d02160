import { describe, expect, it } from 'vitest';
import type { Consistency } from '../../src/domain/consistency.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY, strongerConsistency } from '../../src/domain/consistency.ts';

const fresh = (token: string): Consistency => ({ kind: 'at_least_as_fresh', token });

describe('strongerConsistency', () => {
  it.each<[Consistency, Consistency, Consistency]>([
    [MINIMIZE_LATENCY, MINIMIZE_LATENCY, MINIMIZE_LATENCY],
    [MINIMIZE_LATENCY, fresh('a'), fresh('a')],
    [MINIMIZE_LATENCY, FULLY_CONSISTENT, FULLY_CONSISTENT],
    [fresh('a'), fresh('a'), fresh('a')],
    [fresh('a'), fresh('b'), FULLY_CONSISTENT],
    [fresh('a'), FULLY_CONSISTENT, FULLY_CONSISTENT],
    [FULLY_CONSISTENT, FULLY_CONSISTENT, FULLY_CONSISTENT],
  ])('of %j and %j is %j, either way round', (a, b, expected) => {
    expect(strongerConsistency(a, b)).toEqual(expected);
    expect(strongerConsistency(b, a)).toEqual(expected);
  });
});
