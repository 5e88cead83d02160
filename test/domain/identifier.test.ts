import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identifierProblem, nameProblem } from '../../src/domain/identifier.ts';

describe('identifierProblem', () => {
  it.each([
    ['a plain id', 'task-1'],
    ['an id with every plain character', 'aZ09/_|-+'],
    ['an e-mail address', 'alice@example.com'],
    ['unicode', '任務-1'],
    ['a space and control characters other than NUL', 'a b\n\t'],
    ['1,024 plain bytes', 'x'.repeat(1024)],
    ['341 escaped bytes', '@'.repeat(341)],
  ])('takes %s', (_, id) => {
    expect(identifierProblem(id)).toBeUndefined();
  });

  it.each([
    ['an empty id', '', 'must not be empty'],
    ['1,025 plain bytes', 'x'.repeat(1025), 'at most 1024 bytes'],
    ['342 escaped bytes', '@'.repeat(342), 'counts as three'],
    ['a lone surrogate', 'a\uDC00', 'well-formed'],
    ['the stand-in for bytes that are not UTF-8', 'a\uFFFD', 'well-formed'],
    ['NUL', '\0', 'NUL'],
  ])('refuses %s', (_, id, problem) => {
    expect(identifierProblem(id)).toContain(problem);
  });

  it('never says the value in its problem', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, maxLength: 2000, unit: 'binary' }), (id) => {
        const problem = identifierProblem(id);
        return problem === undefined || !problem.includes(id);
      }),
    );
  });
});

describe('nameProblem', () => {
  it('takes up to 1,024 bytes of any well-formed text', () => {
    expect(nameProblem('@'.repeat(1024))).toBeUndefined();
    expect(nameProblem('é'.repeat(512))).toBeUndefined();
    expect(nameProblem('é'.repeat(513))).toContain('at most 1024 bytes');
  });

  it.each(['', 'a\0', 'a\uD800'])('refuses %j', (name) => {
    expect(nameProblem(name)).toBeDefined();
  });
});
