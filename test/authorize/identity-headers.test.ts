import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createIdentityHeaders,
  DEFAULT_IDENTITY_HEADERS,
  escapeHeaderValue,
} from '../../src/authorize/identity-headers.ts';
import { hostileText } from '../support/hostile-text.ts';

describe('identity headers', () => {
  const render = createIdentityHeaders(DEFAULT_IDENTITY_HEADERS);
  const names = Object.values(DEFAULT_IDENTITY_HEADERS);

  it('name whom a request was allowed to, and the task', () => {
    const principal = { kind: 'user', id: 'ann@example.com', account: 'acme' } as const;
    expect(render({ principal, taskId: 'task-1' })).toEqual([
      ['x-taskgate-principal-kind', 'user'],
      ['x-taskgate-principal-id', 'ann@example.com'],
      ['x-taskgate-account-id', 'acme'],
      ['x-taskgate-task-id', 'task-1'],
    ]);
  });

  it.each([
    { principal: undefined },
    { principal: { kind: 'agent', id: 'a', account: 'b' } as const },
    { principal: undefined, taskId: 'task-1' },
  ])('are always all there: %j', (allowed) => {
    expect(render(allowed).map(([name]) => name)).toEqual(names);
  });
});

describe('the value of an identity header', () => {
  it.each([
    ['ann@example.com', 'ann@example.com'],
    ['täsk', 't%C3%A4sk'],
    ['a%41', 'a%2541'],
    ['a,b c', 'a%2Cb%20c'],
    ['a\r\nx-taskgate-account-id: b', 'a%0D%0Ax-taskgate-account-id:%20b'],
    ['😀', '%F0%9F%98%80'],
  ])('writes %j as %j', (value, written) => expect(escapeHeaderValue(value)).toBe(written));

  it('is visible ASCII that gives the id back, whatever the id is', () => {
    fc.assert(
      fc.property(
        hostileText.filter((text) => text.isWellFormed()),
        (id) => {
          const written = escapeHeaderValue(id);
          expect(written).toMatch(/^[!-~]*$/);
          expect(decodeURIComponent(written)).toBe(id);
        },
      ),
    );
  });
});
