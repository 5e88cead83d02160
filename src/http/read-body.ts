import type { IncomingMessage } from 'node:http';
import { freeBytes } from '../calls/free-bytes.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';

/** The bytes of a request, or why they are not there. */
export type ReadBody =
  /** They count in the budget until they are released. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly release: () => void }
  /** Longer than a body may be. */
  | { readonly kind: 'too_long' }
  /** All requests together hold too much. */
  | { readonly kind: 'overloaded' }
  /** The sender is gone. */
  | { readonly kind: 'left' };

const NO_BYTES = Buffer.alloc(0);
const NOTHING: ReadBody = { kind: 'bytes', bytes: NO_BYTES, release: () => undefined };

/** True if the request says that a body follows. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** True of a body that says it has no more bytes than those. */
export function isAtMost({ headers }: IncomingMessage, bytes: number): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= bytes;
}

/** Reads a body that is not worth counting; never calls back if the sender leaves. */
export function readSmallBody(request: IncomingMessage, take: (bytes: Buffer) => void): void {
  let bytes: Buffer = NO_BYTES;
  request.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
  });
  request.on('end', () => take(bytes));
}

/**
 * Reads a body, which counts in the budget while it comes and until it is released. If it then holds too much, its
 * connection is ended: nothing comes any more that an error could answer. What is left of one that is refused, the server
 * drains.
 */
export async function readBody(
  request: IncomingMessage,
  { budget, maxBytes }: { readonly budget: ReceiveBudget; readonly maxBytes: number },
): Promise<ReadBody> {
  if (!hasBody(request)) return NOTHING;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { kind: 'too_long' };
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let isRead = false;
    const end = (result: ReadBody): void => {
      isRead = true;
      request.off('data', take).off('end', finish).off('close', leave);
      if (result.kind !== 'bytes') {
        request.pause();
        holding.release();
      }
      for (const chunk of chunks) freeBytes(chunk);
      resolve(result);
    };
    const holding = budget.hold(() => {
      if (isRead) request.socket.destroy();
      else end({ kind: 'overloaded' });
    });
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBytes) {
        end({ kind: 'too_long' });
        return;
      }
      chunks.push(chunk);
      holding.add(chunk.length);
      const waitMs = budget.pace(chunk.length);
      if (waitMs === 0 || isRead) return;
      request.pause();
      setTimeout(() => {
        if (!isRead) request.resume();
      }, waitMs);
    };
    const finish = (): void => end({ kind: 'bytes', bytes: Buffer.concat(chunks), release: () => holding.release() });
    const leave = (): void => end({ kind: 'left' });
    request.on('data', take).on('end', finish).on('close', leave);
  });
}
