import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ListPosition } from '../authorize/list-readable-tasks.ts';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { Operation } from '../domain/operation.ts';
import type { Principal } from '../domain/principal.ts';

/** Whose list a cursor goes on with. */
export interface CursorOwner {
  readonly principal: Principal;
  readonly operation: Operation;
}

/** Positions in lists, as opaque text that only this deployment can make and only its owner can use. */
export interface CursorCodec {
  seal(position: ListPosition, owner: CursorOwner): string;
  /** @throws InvalidArgumentError for anything that was not sealed for this owner. */
  open(cursor: string, owner: CursorOwner): ListPosition;
}

const SIGNATURE_BYTES = 32;
/** An id of 1,024 bytes and a ZedToken fit several times. */
const MAX_CURSOR_LENGTH = 8_192;
const VERSION = 1;

/** @param secrets the first signs, all verify. */
export function createCursorCodec(secrets: readonly [string, ...string[]]): CursorCodec {
  const refuse = (cause?: unknown): InvalidArgumentError =>
    new InvalidArgumentError('cursor', 'is not one that this principal got for this operation', { cause });

  return {
    seal({ snapshot, afterId }, owner) {
      const payload = Buffer.from(JSON.stringify([VERSION, snapshot, afterId]));
      return Buffer.concat([sign(secrets[0], owner, payload), payload]).toString('base64url');
    },
    open(cursor, owner) {
      if (cursor.length > MAX_CURSOR_LENGTH) throw refuse();
      const bytes = Buffer.from(cursor, 'base64url');
      const payload = bytes.subarray(SIGNATURE_BYTES);
      const signature = bytes.subarray(0, SIGNATURE_BYTES);
      // Text that decodes to the same bytes is another spelling: refused, so that a cursor has one form.
      if (payload.length === 0 || bytes.toString('base64url') !== cursor) throw refuse();
      if (!secrets.some((secret) => timingSafeEqual(sign(secret, owner, payload), signature))) throw refuse();
      return parsePayload(payload, refuse);
    },
  };
}

/** Every part before the payload stands behind its length: no owner can be read as another. */
function sign(secret: string, { principal, operation }: CursorOwner, payload: Buffer): Buffer {
  const parts = ['taskgate list cursor', principal.kind, principal.id, principal.account, operation];
  const bound = parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join('');
  return createHmac('sha256', secret).update(bound).update(payload).digest();
}

function parsePayload(payload: Buffer, refuse: (cause?: unknown) => InvalidArgumentError): ListPosition {
  const value: unknown = JSON.parse(payload.toString());
  if (!Array.isArray(value) || value[0] !== VERSION) throw refuse();
  const [, snapshot, afterId]: unknown[] = value;
  if (typeof snapshot !== 'string' || typeof afterId !== 'string') throw refuse();
  return { snapshot, afterId };
}
