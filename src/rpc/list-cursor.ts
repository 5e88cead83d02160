import type { ListPosition } from '../authorize/list-readable-tasks.ts';
import { createTokenSealer } from '../calls/seal-token.ts';
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

const VERSION = 1;

/** @param secrets the first signs, all verify. */
export function createCursorCodec(secrets: readonly [string, ...string[]]): CursorCodec {
  const sealer = createTokenSealer(secrets);
  const refuse = (cause?: unknown): InvalidArgumentError =>
    new InvalidArgumentError('cursor', 'is not one that this principal got for this operation', { cause });

  return {
    seal: ({ snapshot, afterId }, owner) =>
      sealer.seal(Buffer.from(JSON.stringify([VERSION, snapshot, afterId])), purposeOf(owner)),
    open(cursor, owner) {
      const payload = sealer.open(cursor, purposeOf(owner));
      if (payload === undefined) throw refuse();
      return parsePayload(payload, refuse);
    },
  };
}

function purposeOf({ principal, operation }: CursorOwner): readonly string[] {
  return ['taskgate list cursor', principal.kind, principal.id, principal.account, operation];
}

function parsePayload(payload: Buffer, refuse: (cause?: unknown) => InvalidArgumentError): ListPosition {
  const value: unknown = JSON.parse(payload.toString());
  if (!Array.isArray(value) || value[0] !== VERSION) throw refuse();
  const [, snapshot, afterId]: unknown[] = value;
  if (typeof snapshot !== 'string' || typeof afterId !== 'string') throw refuse();
  return { snapshot, afterId };
}
