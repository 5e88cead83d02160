import { createGunzip } from 'node:zlib';
import { freeBytes } from '../calls/free-bytes.ts';
import { InvalidArgumentError } from '../domain/errors.ts';

/** What a message may be that comes packed: the largest list. */
export const MAX_UNPACKED_BYTES = 1024 * 1024;
/** What unpacks holds besides what comes of it: the last 32 KiB, its tables, and room for the next 16 KiB. */
export const UNPACKING_BYTES = 64 * 1024;

/** Looks at one message while it is unpacked. What it is given is gone when all of it was unpacked. */
export interface UnpackingGauge {
  /** Takes the next 16 KiB: more is unpacked when it resolves, and nothing if it rejects. */
  add(chunk: Buffer): Promise<void>;
  /** All of it was added. */
  end(): void;
}

export interface UnpackOptions {
  readonly maxBytes: number;
  readonly gauge: UnpackingGauge;
  /** What is thrown when there is more. */
  readonly tooLong: () => Error;
}

/**
 * Unpacks a message, a little at a time, so that others are answered in between.
 *
 * @throws InvalidArgumentError if it is no gzip, or is cut; what the gauge throws; and `tooLong`.
 */
export async function unpackGzip(
  packed: Uint8Array,
  { maxBytes, gauge, tooLong }: UnpackOptions,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of createGunzip().end(packed) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) throw tooLong();
      await gauge.add(chunk);
    }
    gauge.end();
    return Buffer.concat(chunks, length);
  } catch (cause) {
    const isNotGzip = hasCode(cause, 'Z_DATA_ERROR') || hasCode(cause, 'Z_BUF_ERROR');
    throw isNotGzip ? new InvalidArgumentError('request', 'is not valid gzip', { cause }) : cause;
  } finally {
    for (const chunk of chunks) freeBytes(chunk);
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}
