import { setTimeout as delay } from 'node:timers/promises';
import type { CallContext } from '../authorize/ports.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import { UNPACKED_WEIGHT } from '../calls/receive-budget.ts';
import { OverloadedError } from '../domain/errors.ts';
import { MAX_UNPACKED_BYTES, UNPACKING_BYTES, unpackGzip } from './unpack-gzip.ts';

/** So far may what is read and unpacked be behind its pace for one more to be unpacked. */
const MAX_BEHIND_MS = 1_000;
/** What gzip begins with, and no message does (RFC 1952, 2.3.1). */
const GZIP_MAGIC = 0x1f8b;

/** Unpacks a request if it is packed; one that is not is returned at once, as it is. */
export type UnpackRequest = (request: Buffer, context: Pick<CallContext, 'signal'>) => Buffer | Promise<Buffer>;

/**
 * Unpacks requests a little at a time, within the budget and at its pace.
 *
 * @returns It rejects with an OverloadedError for what would be longer than 1 MiB or `maxMessageBytes`, holds too much, or
 * comes after too much else; with an InvalidArgumentError for what is no gzip; and when the call's time is over.
 */
export function createUnpackRequest(
  budget: Pick<ReceiveBudget, 'hold' | 'pace'>,
  { maxMessageBytes }: { readonly maxMessageBytes: number },
): UnpackRequest {
  const maxBytes = Math.min(maxMessageBytes, MAX_UNPACKED_BYTES);

  async function unpack(packed: Buffer, call: AbortSignal): Promise<Buffer> {
    if (budget.pace(0) > MAX_BEHIND_MS) throw new OverloadedError();
    const overload = new AbortController();
    const signal = AbortSignal.any([call, overload.signal]);
    const holding = budget.hold(() => overload.abort(new OverloadedError()));
    try {
      holding.add(UNPACKING_BYTES);
      return await unpackGzip(packed, {
        maxBytes,
        tooLong: () => new OverloadedError(),
        gauge: {
          async add({ length }) {
            holding.add(length);
            signal.throwIfAborted();
            const waitMs = budget.pace(length * UNPACKED_WEIGHT);
            if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
          },
          end: () => undefined,
        },
      });
    } finally {
      holding.release();
    }
  }

  return (request, context) =>
    request.length >= 2 && request.readUInt16BE() === GZIP_MAGIC ? unpack(request, context.signal) : request;
}
