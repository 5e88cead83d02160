import { gzipSync } from 'node:zlib';
import { ConnectError } from '@connectrpc/connect';
import { InvalidArgumentError, OverloadedError } from '../../../src/domain/errors.ts';
import { GZIP, gaugeUnpacked } from '../../../src/rpc/unpack-bodies.ts';
import { createUnpackRequest } from '../../../src/rpc/unpack-request.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text } from '../target.ts';

const MAX_MESSAGE_BYTES = 65_536;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

type Unpacked = Uint8Array | 'no gzip' | 'too long';

const UNBOUNDED = { pace: () => 0, hold: () => ({ add: () => undefined, release: () => undefined }) };
const unpackIfPacked = createUnpackRequest(UNBOUNDED, { maxMessageBytes: MAX_MESSAGE_BYTES });
const { signal } = new AbortController();

/** As over gRPC. */
async function unpackRequest(input: Uint8Array): Promise<Unpacked> {
  try {
    return await unpackIfPacked(Buffer.from(input), { signal });
  } catch (error) {
    if (error instanceof InvalidArgumentError) return 'no gzip';
    if (error instanceof OverloadedError) return 'too long';
    throw error;
  }
}

/** As over Connect. */
async function unpackBody(input: Uint8Array<ArrayBuffer>): Promise<Unpacked> {
  const unpacking = Promise.withResolvers<Uint8Array>();
  gaugeUnpacked(
    () => ({ add: async () => undefined, end: () => undefined }),
    () => unpacking.resolve(GZIP.decompress(input, MAX_MESSAGE_BYTES)),
  );
  try {
    return await unpacking.promise;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return error.message.includes('is not valid gzip') ? 'no gzip' : 'too long';
  }
}

/** What is both too long and no gzip may be refused for either. */
function isAlike(one: Unpacked, other: Unpacked): boolean {
  if (typeof one === 'string' || typeof other === 'string') return typeof one === typeof other;
  return Buffer.from(one).equals(other);
}

const TEXT = text('{"principal":{"userId":"ann"},"resource":{"type":"task","id":"task-1"}}');

/** What comes packed is what both ways of unpacking make of it. */
const packed: FuzzTarget = {
  name: 'requests-packed',
  seeds: [
    gzipSync(TEXT),
    gzipSync(TEXT, { level: 0 }),
    gzipSync(Buffer.alloc(0)),
    gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES)),
    gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + 1)),
    // Two in a row are one; what else comes after the end is not read.
    Buffer.concat([gzipSync(TEXT), gzipSync(TEXT)]),
    Buffer.concat([gzipSync(TEXT), TEXT]),
    gzipSync(TEXT).subarray(0, -1),
    // Says that a file's name, a comment, more and a checksum of the header follow.
    Buffer.concat([GZIP_MAGIC, Buffer.from([8, 0x1f, 0, 0, 0, 0, 0, 3]), gzipSync(TEXT).subarray(10)]),
  ],
  async run(input) {
    const unpacked = await unpackRequest(input);
    if (Buffer.compare(input.subarray(0, 2), GZIP_MAGIC) !== 0) {
      assertThat(isAlike(unpacked, input), 'what is not packed is handed on as it came');
      return 'not packed';
    }
    assertThat(
      isAlike(unpacked, await unpackBody(new Uint8Array(input))),
      'it is unpacked alike over gRPC and Connect',
    );
    if (typeof unpacked === 'string') return unpacked;
    assertThat(unpacked.length <= MAX_MESSAGE_BYTES, 'no more is unpacked than may be');
    return `unpacked ${Math.ceil(Math.log2(unpacked.length + 1))}`;
  },
};

export const PACKED_TARGETS: readonly FuzzTarget[] = [packed];
