import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { GZIP, gaugeUnpacked } from '../../src/rpc/unpack-bodies.ts';
import type { UnpackingGauge } from '../../src/rpc/unpack-gzip.ts';

const BYTES = 1024 * 1024;
const BODY = Buffer.alloc(BYTES, 'x');

async function unpack(body: Buffer, gauge: Partial<UnpackingGauge>, maxBytes = BYTES): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  gaugeUnpacked(
    () => ({ add: async () => undefined, end: () => undefined, ...gauge }),
    () => resolve(GZIP.decompress(new Uint8Array(gzipSync(body)), maxBytes)),
  );
  return Buffer.from(await promise);
}

it('unpacks what it is given, of which all was looked at', async () => {
  const looked: Buffer[] = [];
  let isWhole = false;
  const unpacked = await unpack(BODY, {
    add: async (chunk) => void looked.push(chunk),
    end: () => void (isWhole = Buffer.concat(looked).equals(BODY)),
  });
  expect([unpacked.equals(BODY), isWhole]).toEqual([true, true]);
});

it('unpacks nothing more of what is refused', async () => {
  let pieces = 0;
  const unpacking = unpack(BODY, {
    async add() {
      pieces += 1;
      if (pieces === 3) throw new Error('refused');
    },
  });
  await expect(unpacking).rejects.toThrow('refused');
  expect(pieces).toBe(3);
});

it('refuses what is too long before more of it is unpacked', async () => {
  let looked = 0;
  const unpacking = unpack(BODY, { add: async ({ length }) => void (looked += length) }, BYTES / 4);
  await expect(unpacking).rejects.toThrow(`message is larger than ${BYTES / 4} bytes when it is unpacked`);
  expect(looked).toBeLessThanOrEqual(BYTES / 4);
});

it('unpacks nothing that nobody looks at', async () => {
  await expect(GZIP.decompress(new Uint8Array(gzipSync(BODY)), BYTES)).rejects.toThrow('nobody looks');
});
