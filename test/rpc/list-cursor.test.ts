import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidArgumentError } from '../../src/domain/errors.ts';
import { OPERATIONS } from '../../src/domain/operation.ts';
import { PRINCIPAL_KINDS } from '../../src/domain/principal.ts';
import type { CursorOwner } from '../../src/rpc/list-cursor.ts';
import { createCursorCodec } from '../../src/rpc/list-cursor.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const owner: fc.Arbitrary<CursorOwner> = fc.record({
  principal: fc.record({ kind: fc.constantFrom(...PRINCIPAL_KINDS), id: text, account: text }),
  operation: fc.constantFrom(...OPERATIONS),
});
const position = fc.record({ afterId: text, snapshot: text });
const codec = createCursorCodec(['a secret of the tests']);

describe('a cursor', () => {
  it('comes back as it went in, for its owner', () => {
    fc.assert(
      fc.property(position, owner, (at, whose) => {
        expect(codec.open(codec.seal(at, whose), whose)).toEqual(at);
      }),
    );
  });

  it('is refused for any other principal, account or operation', () => {
    fc.assert(
      fc.property(position, owner, owner, (at, whose, other) => {
        fc.pre(JSON.stringify(whose) !== JSON.stringify(other));
        expect(() => codec.open(codec.seal(at, whose), other)).toThrow(InvalidArgumentError);
      }),
    );
  });

  it('is refused with any bit flipped, cut short, made longer or spelt otherwise', () => {
    fc.assert(
      fc.property(position, owner, fc.nat(), fc.integer({ min: 0, max: 7 }), (at, whose, where, bit) => {
        const cursor = codec.seal(at, whose);
        const bytes = Buffer.from(cursor, 'base64url');
        const index = where % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit);
        const spoilt = [
          bytes.toString('base64url'),
          cursor.slice(0, where % cursor.length),
          `${cursor}A`,
          `${cursor}=`,
          ` ${cursor}`,
        ];
        for (const one of spoilt) expect(() => codec.open(one, whose)).toThrow(InvalidArgumentError);
      }),
    );
  });

  it('never makes anything but a refusal of what is no cursor', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.base64String()), owner, (garbage, whose) => {
        expect(() => codec.open(garbage, whose)).toThrow(InvalidArgumentError);
      }),
    );
  });

  it('opens with every secret in force, and is sealed with the first', () => {
    const whose: CursorOwner = { principal: { kind: 'user', id: 'alice', account: 'acme' }, operation: 'read' };
    const at = { afterId: 'task-1', snapshot: 'token' };
    const rotated = createCursorCodec(['the next secret', 'a secret of the tests']);
    expect(rotated.open(codec.seal(at, whose), whose)).toEqual(at);
    expect(() => codec.open(rotated.seal(at, whose), whose)).toThrow(InvalidArgumentError);
  });
});
