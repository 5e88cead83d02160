import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ParsedJson } from '../../src/domain/strict-json.ts';
import { parseStrictJson } from '../../src/domain/strict-json.ts';

const parse = (json: string | Uint8Array, maxDepth = 100): ParsedJson =>
  parseStrictJson(typeof json === 'string' ? Buffer.from(json) : json, { maxDepth });

/** JSON as it is written, a number as its text: an object is a list of its members, so that it can have a key twice. */
type Written =
  | { readonly kind: 'plain'; readonly value: string | boolean | null }
  | { readonly kind: 'number'; readonly digits: string }
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
    fc.oneof(text, fc.boolean(), fc.constant(null)).map((value): Written => ({ kind: 'plain', value })),
    fc
      .oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }).map(JSON.stringify),
        fc.constantFrom('1e999', '-1E400', '1e-400', '1.7e308', '-0'),
      )
      .map((digits): Written => ({ kind: 'number', digits })),
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
    case 'number':
      return json.digits;
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
  if (json.kind !== 'object') return false;
  const keys = json.members.map(([key]) => key);
  return new Set(keys).size < keys.length || json.members.some(([, value]) => hasRepeatedKey(value));
}

function hasLoneSurrogate(json: Written): boolean {
  if (json.kind === 'list') return json.elements.some(hasLoneSurrogate);
  if (json.kind === 'plain') return typeof json.value === 'string' && !json.value.isWellFormed();
  if (json.kind === 'number') return false;
  return json.members.some(([key, value]) => !key.isWellFormed() || hasLoneSurrogate(value));
}

function hasInfiniteNumber(json: Written): boolean {
  if (json.kind === 'list') return json.elements.some(hasInfiniteNumber);
  if (json.kind === 'number') return !Number.isFinite(Number(json.digits));
  return json.kind === 'object' && json.members.some(([, value]) => hasInfiniteNumber(value));
}

/** Levels of lists and objects. */
function depthOf(json: Written): number {
  if (json.kind === 'list') return 1 + Math.max(0, ...json.elements.map(depthOf));
  return json.kind === 'object' ? 1 + Math.max(0, ...json.members.map(([, value]) => depthOf(value))) : 0;
}

describe('parseStrictJson', () => {
  it('finds every key that is there twice, every lone surrogate and infinite number, and nothing else', () => {
    const seen = { clear: 0, unclear: 0 };
    fc.assert(
      fc.property(written, fc.boolean(), (json, isEscaped) => {
        const problems = {
          repeated_key: hasRepeatedKey(json),
          lone_surrogate: hasLoneSurrogate(json),
          infinite_number: hasInfiniteNumber(json),
        };
        const isUnclear = Object.values(problems).includes(true);
        seen[isUnclear ? 'unclear' : 'clear'] += 1;
        const sent = write(json, isEscaped);
        const parsed = parse(sent);
        if (parsed.kind === 'value') {
          expect(isUnclear).toBe(false);
          expect(parsed.value).toEqual(toValue(json));
        } else expect(problems).toHaveProperty(parsed.problem, true);
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(seen.clear, seen.unclear)).toBeGreaterThan(300);
  });

  it('counts every level of lists and objects, and nothing in texts', () => {
    fc.assert(
      fc.property(written, fc.boolean(), (json, isEscaped) => {
        const depth = depthOf(json);
        const sent = write(json, isEscaped);
        expect(parse(sent, depth)).not.toMatchObject({ problem: 'too_deep' });
        if (depth > 0) expect(parse(sent, depth - 1)).toEqual({ kind: 'problem', problem: 'too_deep' });
      }),
      { numRuns: 1_000 },
    );
  });

  it('takes what JSON.parse takes of the UTF-8 that is one, and no other bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 12 }),
      fc.json().map((json) => new Uint8Array(Buffer.from(json))),
      fc
        .array(fc.constantFrom(...'{ } [ ] " : , \\ u 0 1 d 8 - + . e E \ufeff a \u00e9'.split(' '), ' '), {
          maxLength: 12,
        })
        .map((units) => new Uint8Array(Buffer.from(units.join('')))),
    );
    fc.assert(
      fc.property(bytes, (sent) => {
        const parsed = parse(sent);
        const expected = readAsIs(sent);
        if (parsed.kind === 'value')
          expect(sent.includes(0x5c) ? { ...parsed, value: undefined } : parsed).toEqual(expected);
        else if (['empty', 'not_utf8', 'not_json'].includes(parsed.problem)) expect(expected).toEqual({ kind: 'none' });
      }),
      { numRuns: 3_000 },
    );
  });

  it.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'empty'],
    ['white space', ' ', 'not_json'],
    ['a byte order mark', '\ufeff{}', 'not_json'],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'not_json'],
    ['a byte that is not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), 'not_utf8'],
    ['a surrogate in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not_utf8'],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'not_utf8'],
    ['two values', '{}{}', 'not_json'],
    ['a comma at the end', '[1,]', 'not_json'],
    ['NaN', 'NaN', 'not_json'],
    ['closing without opening, then depth', `${']'.repeat(200)}${'['.repeat(200)}`, 'not_json'],
    ['a million lists', '['.repeat(1_000_000), 'too_deep'],
    ['a prototype twice', '{"__proto__":1,"__proto__":2}', 'repeated_key'],
    ['an index twice', '{"1":1,"\\u0031":2}', 'repeated_key'],
    ['a key twice, of which one hides keys', '{"a":{"b":1},"a":{}}', 'repeated_key'],
  ])('refuses %s', (_, sent, problem) => {
    expect(parse(sent)).toEqual({ kind: 'problem', problem });
  });

  // nodejs/node#63785: JSON.parse takes an escaped key for one that it has seen, if that begins with the same characters.
  it.each([
    [
      'hides a key',
      '{"first":1,"\\\\u0074a":1}',
      '{"first":1,"\\u0074ask_id":"theirs"}',
      { first: 1, task_id: 'theirs' },
    ],
    [
      'hides it deep down',
      '{"in":{"first":1,"\\\\u0074a":1}}',
      '{"in":{"first":1,"\\u0074ask_id":"theirs"}}',
      { in: { first: 1, task_id: 'theirs' } },
    ],
    [
      'hides behind a value with an escape',
      '{"first":"\\n","\\\\u0074a":1}',
      '{"first":"\\n","\\u0074ask_id":"theirs"}',
      { first: '\n', task_id: 'theirs' },
    ],
    ['makes one key of another', '{"one":1,"\\\\":1}', '{"one":1,"\\u0061":2}', { one: 1, a: 2 }],
  ])('is right about a key of which another text %s', (_, before, sent, value) => {
    for (let at = 0; at < 100; at += 1) {
      parse(before);
      JSON.parse(before);
      expect(parse(sent)).toEqual({ kind: 'value', value });
    }
  });

  it('finds a key twice of which another text hides one', () => {
    for (let at = 0; at < 100; at += 1) {
      JSON.parse('{"task_id":"mine","\\\\u0074a":1}');
      expect(parse('{"task_id":"mine","\\u0074ask_id":"theirs"}')).toEqual({
        kind: 'problem',
        problem: 'repeated_key',
      });
    }
  });

  it('keeps a prototype as a key of its own', () => {
    for (const key of ['__proto__', '\\u005f_proto__']) {
      const parsed = parse(`{"${key}":{"a":1}}`);
      expect(parsed.kind === 'value' && Object.hasOwn(parsed.value as object, '__proto__')).toBe(true);
    }
  });

  it('reads the same bytes twice in the same way, after others that it has refused', () => {
    expect(parse(Buffer.from([0x22, 0xe2, 0x82]))).toEqual({ kind: 'problem', problem: 'not_utf8' });
    expect(parse('"€"')).toEqual({ kind: 'value', value: '€' });
  });

  it.each([
    ['keys', () => `{${Array.from({ length: 100_000 }, (_, index) => `"\\u0061${index}":[{}]`).join(',')}}`],
    ['backslashes', () => `"${'\\\\'.repeat(1_000_000)}"`],
    ['escaped quotes', () => `"${'\\"'.repeat(1_000_000)}"`],
  ])('takes time in proportion to the length: %s', (_, make) => {
    const sent = Buffer.from(make());
    const start = performance.now();
    expect(parse(sent).kind).toBe('value');
    expect(performance.now() - start).toBeLessThan(1_500);
  });
});

/** What was written, by its parts: `JSON.parse` is not always right about keys. */
function toValue(json: Written): unknown {
  switch (json.kind) {
    case 'plain':
      return json.value;
    case 'number':
      return Number(json.digits);
    case 'list':
      return json.elements.map(toValue);
    case 'object':
      return Object.fromEntries(json.members.map(([key, value]) => [key, toValue(value)]));
    default:
      return json satisfies never;
  }
}

/** By Node's own parsers, one after the other. */
function readAsIs(bytes: Uint8Array): unknown {
  try {
    const sent = Buffer.from(bytes).toString();
    if (!Buffer.from(sent).equals(Buffer.from(bytes))) return { kind: 'none' };
    const value: unknown = JSON.parse(sent);
    // It is not always right about escaped keys.
    return { kind: 'value', value: sent.includes('\\') ? undefined : value };
  } catch {
    return { kind: 'none' };
  }
}
