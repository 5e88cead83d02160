import type { IncomingMessage } from 'node:http';
import type { ReceiveBudget } from '../calls/receive-budget.ts';

/** The bytes of a request, or why they are not there. */
export type ReadBody =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** Longer than a body may be. */
  | { readonly kind: 'too_long' }
  /** All requests together hold too much. */
  | { readonly kind: 'overloaded' }
  /** The sender is gone. */
  | { readonly kind: 'left' };

const NOTHING = Buffer.alloc(0);

/** True if the request says that a body follows. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Bytes of a body that is not worth counting. */
const SMALL_BYTES = 4 * 1024;

/** True of a body that says it is so small that nobody has to be kept from sending it. */
export function isSmall({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= SMALL_BYTES;
}

/** Reads a body that is small; never calls back if the sender leaves. */
export function readSmallBody(request: IncomingMessage, take: (bytes: Buffer) => void): void {
  let bytes: Buffer = NOTHING;
  request.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
  });
  request.on('end', () => take(bytes));
}

/**
 * Reads a body, which counts in the budget while it comes. What is left of one that is refused, the server drains.
 */
export async function readBody(
  request: IncomingMessage,
  { budget, maxBytes }: { readonly budget: ReceiveBudget; readonly maxBytes: number },
): Promise<ReadBody> {
  if (!hasBody(request)) return { kind: 'bytes', bytes: NOTHING };
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { kind: 'too_long' };
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (result: ReadBody): void => {
      holding.release();
      request.off('data', take).off('end', finish).off('close', leave);
      resolve(result);
    };
    const holding = budget.hold(() => {
      request.pause();
      end({ kind: 'overloaded' });
    });
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) {
        request.pause();
        end({ kind: 'too_long' });
        return;
      }
      chunks.push(chunk);
      holding.add(chunk.length);
    };
    const finish = (): void =>
      end({ kind: 'bytes', bytes: chunks.length === 1 ? (chunks[0] ?? NOTHING) : Buffer.concat(chunks) });
    const leave = (): void => end({ kind: 'left' });
    request.on('data', take).on('end', finish).on('close', leave);
  });
}
