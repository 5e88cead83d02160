import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findAmbiguity } from '../../src/routes/scan-json.ts';

/** JSON as it is written: an object is a list of its members, so that it can have a key twice. */
type Written =
  | { readonly kind: 'plain'; readonly value: string | number | boolean | null }
  | { readonly kind: 'list'; readonly elements: readonly Written[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, Written])[] };

const text = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    '__proto__',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\\"',
    'a\\',
    '',
    'é',
    '\ud83d\ude00',
  ),
  fc.constantFrom('\ud800', '\udc00', 'a\ud800b'),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

const { written } = fc.letrec<{ written: Written }>((tie) => ({
  written: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    fc.oneof(text, fc.double(), fc.boolean(), fc.constant(null)).map((value): Written => ({ kind: 'plain', value })),
    fc.array(tie('written'), { maxLength: 4 }).map((elements): Written => ({ kind: 'list', elements })),
    fc.array(fc.tuple(text, tie('written')), { maxLength: 4 }).map((members): Written => ({ kind: 'object', members })),
  ),
}));

/** Writes a text in one of the ways that JSON has: each unit as it is where it may be, or escaped. */
function writeText(value: string, isEscaped: boolean): string {
  if (!isEscaped) return JSON.stringify(value);
  const units = value.split('').map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `"${units.join('')}"`;
}

function write(json: Written, isEscaped: boolean): string {
  switch (json.kind) {
    case 'plain':
      return typeof json.value === 'string' ? writeText(json.value, isEscaped) : JSON.stringify(json.value);
    case 'list':
      return `[ ${json.elements.map((element) => write(element, isEscaped)).join(' , ')}]`;
    case 'object': {
      const members = json.members.map(([key, value], index) => {
        return `${writeText(key, isEscaped !== (index % 2 === 1))} : ${write(value, isEscaped)}`;
      });
      return `{${members.join(',\n')} }`;
    }
    default:
      return json satisfies never;
  }
}

function hasRepeatedKey(json: Written): boolean {
  if (json.kind === 'list') return json.elements.some(hasRepeatedKey);
  if (json.kind === 'plain') return false;
  const keys = json.members.map(([key]) => key);
  return new Set(keys).size < keys.length || json.members.some(([, value]) => hasRepeatedKey(value));
}

function hasLoneSurrogate(json: Written): boolean {
  if (json.kind === 'list') return json.elements.some(hasLoneSurrogate);
  if (json.kind === 'plain') return typeof json.value === 'string' && !json.value.isWellFormed();
  return json.members.some(([key, value]) => !key.isWellFormed() || hasLoneSurrogate(value));
}

test('finds every key that is there twice, and every lone surrogate, and nothing else', () => {
  const seen = { clear: 0, unclear: 0 };
  fc.assert(
    fc.property(written, fc.boolean(), (json, isEscaped) => {
      const unclear = hasRepeatedKey(json) || hasLoneSurrogate(json);
      seen[unclear ? 'unclear' : 'clear'] += 1;
      const ambiguity = findAmbiguity(write(json, isEscaped));
      expect(ambiguity !== undefined).toBe(unclear);
      if (ambiguity === 'a key is there twice') expect(hasRepeatedKey(json)).toBe(true);
      if (ambiguity === 'a text has half of a surrogate pair') expect(hasLoneSurrogate(json)).toBe(true);
    }),
    { numRuns: 3_000 },
  );
  expect(Math.min(seen.clear, seen.unclear)).toBeGreaterThan(300);
});

test('takes time in proportion to the length', () => {
  const keys = Array.from({ length: 100_000 }, (_, index) => `"\\u0061${index}":[{}]`);
  const start = performance.now();
  expect(findAmbiguity(`{${keys.join(',')}}`)).toBeUndefined();
  expect(performance.now() - start).toBeLessThan(1_500);
});
