import { gunzipSync } from 'node:zlib';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import { UNPACKED_WEIGHT } from '../calls/receive-budget.ts';
import { InvalidArgumentError, OverloadedError } from '../domain/errors.ts';

/** A message may come so long after what was unpacked before should have taken. */
const MAX_BEHIND_MS = 1_000;
/** What a message may be that comes packed: the largest list. Nothing else is answered while it is unpacked in one piece. */
export const MAX_UNPACKED_BYTES = 1024 * 1024;
/** Room that is made at a time: with 16 KiB it takes half as long again. */
const CHUNK_BYTES = 256 * 1024;
/** What gzip begins with, and no message does (RFC 1952, 2.3.1). */
const GZIP_MAGIC = 0x1f8b;

/** What zlib threw, as the caller's mistake if it is one: it is no gzip, or is cut. */
export function toUnpackError(thrown: unknown): unknown {
  const isNotGzip = hasCode(thrown, 'Z_DATA_ERROR') || hasCode(thrown, 'Z_BUF_ERROR');
  return isNotGzip ? new InvalidArgumentError('request', 'is not valid gzip', { cause: thrown }) : thrown;
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

/** Unpacks a request if it is packed. */
export type UnpackRequest = (request: Buffer) => Buffer;

/**
 * Unpacks requests in one piece, and only so much in a while: more is refused before it is unpacked.
 *
 * @returns It throws an OverloadedError for that, and for what would be longer than 1 MiB or `maxMessageBytes`; an
 * InvalidArgumentError for what is no gzip.
 */
export function createUnpackRequest(
  budget: Pick<ReceiveBudget, 'pace'>,
  { maxMessageBytes }: { readonly maxMessageBytes: number },
): UnpackRequest {
  const maxOutputLength = Math.min(maxMessageBytes, MAX_UNPACKED_BYTES);
  return (request) => {
    if (request.length < 2 || request.readUInt16BE() !== GZIP_MAGIC) return request;
    if (budget.pace(0) > MAX_BEHIND_MS) throw new OverloadedError();
    let length = maxOutputLength;
    try {
      const unpacked = gunzipSync(request, { maxOutputLength, chunkSize: CHUNK_BYTES });
      ({ length } = unpacked);
      return unpacked;
    } catch (cause) {
      if (hasCode(cause, 'ERR_BUFFER_TOO_LARGE')) throw new OverloadedError({ cause });
      throw toUnpackError(cause);
    } finally {
      budget.pace(length * UNPACKED_WEIGHT);
    }
  };
}
