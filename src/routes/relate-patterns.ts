import type { PatternSegment } from './route.ts';

/** How the paths that one pattern matches lie to those of another. */
export type PatternRelation =
  | { readonly kind: 'disjoint' }
  /** They match the same paths. */
  | { readonly kind: 'same' }
  /** Where both match, one is more specific at each segment where they differ. */
  | { readonly kind: 'ordered' }
  /** Each is more specific at some segment. `meet` matches what both match. */
  | { readonly kind: 'crossed'; readonly meet: readonly PatternSegment[] };

const RANKS = { rest: 0, parameter: 1, literal: 2 } as const;
const REST: PatternSegment = { kind: 'rest' };
const DISJOINT: PatternRelation = { kind: 'disjoint' };

/** Compares two patterns segment by segment: a literal is more specific than a parameter, and that than the rest. */
export function relatePatterns(a: readonly PatternSegment[], b: readonly PatternSegment[]): PatternRelation {
  const length = Math.max(a.length, b.length);
  const [longA, longB] = [stretch(a, length), stretch(b, length)];
  if (longA === undefined || longB === undefined) return DISJOINT;
  const meet: PatternSegment[] = [];
  let [isMoreSpecific, isLessSpecific] = [false, false];
  for (const [index, left] of longA.entries()) {
    const right = longB[index] ?? REST;
    if (!canMeet(left, right)) return DISJOINT;
    const difference = RANKS[left.kind] - RANKS[right.kind];
    if (difference > 0) isMoreSpecific = true;
    if (difference < 0) isLessSpecific = true;
    meet.push(difference >= 0 ? left : right);
  }
  if (isMoreSpecific && isLessSpecific) return { kind: 'crossed', meet };
  return { kind: isMoreSpecific || isLessSpecific ? 'ordered' : 'same' };
}

/** The pattern as a text: alike for patterns that match the same. */
export function toShape(segments: readonly PatternSegment[]): string {
  return segments.map((segment) => `/${toText(segment)}`).join('');
}

function toText(segment: PatternSegment): string {
  switch (segment.kind) {
    case 'literal':
      return segment.text;
    case 'parameter':
      return '{}';
    case 'rest':
      return '**';
    default:
      return segment satisfies never;
  }
}

/** As many segments as the other pattern has, if it can have as many. */
function stretch(segments: readonly PatternSegment[], length: number): readonly PatternSegment[] | undefined {
  if (segments.length === length) return segments;
  if (segments.at(-1)?.kind !== 'rest') return undefined;
  return [...segments, ...Array.from({ length: length - segments.length }, () => REST)];
}

function canMeet(a: PatternSegment, b: PatternSegment): boolean {
  if (a.kind === 'literal' && b.kind === 'literal') return a.text === b.text;
  // The last segment of a path that ends with a slash is empty, and no parameter is.
  const [literal, other] = a.kind === 'literal' ? [a, b] : [b, a];
  return !(literal.kind === 'literal' && literal.text === '' && other.kind === 'parameter');
}
