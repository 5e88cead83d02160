import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashToken } from '../../src/callers/token-callers.ts';
import { parseTokenFile } from '../../src/callers/token-file.ts';

const A = hashToken('a');
const B = hashToken('b');
const CANARY = 'c4n4ry-token';
const entry = (fields: string): string => `- { ${fields} }\n`;
const GOOD = entry(`name: main-api, sha256: ${A}, permissions: [check, write]`);

const NAME_RULE = 'must be 1 to 64 of a-z, 0-9 and . _ -, starting and ending with a letter or digit';
const SHA256_RULE = 'must be a SHA-256 in 64 lower-case hex digits, or a list of them: see taskgate hash-token';
const PERMISSIONS_RULE = 'must be a list of check, filter, write, admin';
const ENTRY_RULE = 'must be a mapping with name, sha256 and permissions, and no other key';

describe('a tokens file', () => {
  it('holds callers with one hash or several', () => {
    const text = `${GOOD}- name: gateway\n  sha256:\n    - ${B}\n    - "${hashToken('c')}"\n  permissions: [filter]\n`;
    expect(parseTokenFile(text)).toEqual({
      kind: 'valid',
      callers: [
        { name: 'main-api', sha256: [A], permissions: new Set(['check', 'write']) },
        { name: 'gateway', sha256: [B, hashToken('c')], permissions: new Set(['filter']) },
      ],
    });
  });

  it('may be JSON', () => {
    expect(parseTokenFile(JSON.stringify([{ name: 'a', sha256: A, permissions: ['admin'] }]))).toMatchObject({
      kind: 'valid',
    });
  });

  it.each(['1'.repeat(64), `${'1'.repeat(10)}e${'2'.repeat(53)}`, `0${'7'.repeat(63)}`])(
    'keeps a hash that looks like a number: %s',
    (digest) => {
      expect(parseTokenFile(entry(`name: a, sha256: ${digest}, permissions: [check]`))).toMatchObject({
        callers: [{ sha256: [digest] }],
      });
    },
  );

  it.each<[string, ...string[]]>([
    ['', 'must be a list of callers'],
    ['[]', 'has no caller'],
    ['callers: []', 'must be a list of callers'],
    ['- main-api', `entry 1: ${ENTRY_RULE}`],
    [`- [`, 'line 1, column 4: is not valid YAML'],
    [GOOD + GOOD, 'entry 2, name: is the name of an earlier caller too', 'entry 2, sha256: is there twice'],
    [entry(`name: a, sha256: [${A}, ${A}], permissions: [check]`), 'entry 1, sha256: is there twice'],
    [entry(`sha256: ${A}, permissions: [check]`), `entry 1, name: ${NAME_RULE}`],
    [entry(`name: A, sha256: ${A}, permissions: [check]`), `entry 1, name: ${NAME_RULE}`],
    [entry(`name: "a\\n", sha256: ${A}, permissions: [check]`), `entry 1, name: ${NAME_RULE}`],
    [entry(`name: a, permissions: [check]`), `entry 1, sha256: ${SHA256_RULE}`],
    [entry(`name: a, sha256: [], permissions: [check]`), `entry 1, sha256: ${SHA256_RULE}`],
    [entry(`name: a, sha256: ${CANARY}, permissions: [check]`), `entry 1, sha256: ${SHA256_RULE}`],
    [entry(`name: a, sha256: ${A.toUpperCase()}, permissions: [check]`), `entry 1, sha256: ${SHA256_RULE}`],
    [entry(`name: a, sha256: ${A.slice(1)}, permissions: [check]`), `entry 1, sha256: ${SHA256_RULE}`],
    [entry(`name: a, sha256: ${A}`), `entry 1, permissions: ${PERMISSIONS_RULE}`],
    [entry(`name: a, sha256: ${A}, permissions: []`), `entry 1, permissions: ${PERMISSIONS_RULE}`],
    [entry(`name: a, sha256: ${A}, permissions: check`), `entry 1, permissions: ${PERMISSIONS_RULE}`],
    [entry(`name: a, sha256: ${A}, permissions: [check, all]`), `entry 1, permissions: ${PERMISSIONS_RULE}`],
    [entry(`name: a, sha256: ${A}, permissions: [check], ${CANARY}: x`), `entry 1: ${ENTRY_RULE}`],
    [`- &x { name: a, sha256: ${A}, permissions: [check] }\n- *x\n`, 'must be a list of callers'],
    [`- !!js/function ${CANARY}`, 'line 1, column 3: is not valid YAML'],
  ])('%j is refused', (text, ...problems) => {
    expect(parseTokenFile(text)).toEqual({ kind: 'invalid', problems });
  });

  it('has at most 256 hashes', () => {
    const hashes = Array.from({ length: 257 }, (_, index) => hashToken(String(index)));
    const file = (count: number) =>
      entry(`name: a, sha256: [${hashes.slice(0, count).join(', ')}], permissions: [check]`);
    expect(parseTokenFile(file(256))).toMatchObject({ kind: 'valid' });
    expect(parseTokenFile(file(257))).toEqual({ kind: 'invalid', problems: ['has more than 256 hashes'] });
  });

  it('of any text has an answer, and no problem holds a part of it', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        const parsed = parseTokenFile(`- { name: ${CANARY} ${text}`);
        expect(parsed.kind === 'invalid' && parsed.problems.join('\n').includes(CANARY)).toBe(false);
      }),
    );
  });
});
