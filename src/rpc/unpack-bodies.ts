import { AsyncLocalStorage } from 'node:async_hooks';
import type { Compression } from '@connectrpc/connect/protocol';
import { Code, ConnectError } from '@connectrpc/connect';
import { compressionGzip } from '@connectrpc/connect-node';
import { InvalidArgumentError } from '../domain/errors.ts';
import type { UnpackingGauge } from './unpack-gzip.ts';
import { MAX_UNPACKED_BYTES, unpackGzip } from './unpack-gzip.ts';

/** Of the request that is being read, which connect-node does not tell who unpacks. */
const gauges = new AsyncLocalStorage<() => UnpackingGauge>();

/** Has all that `serve` unpacks looked at, each message by a gauge of its own. */
export function gaugeUnpacked(createGauge: () => UnpackingGauge, serve: () => void): void {
  gauges.run(createGauge, serve);
}

/**
 * How requests and answers may be packed: gzip alone, since who unpacks brotli holds up to 16 MiB of what came before. Unlike
 * connect-node's, it unpacks no more at a time than is looked at.
 */
export const GZIP: Compression = {
  name: compressionGzip.name,
  compress: async (bytes) => compressionGzip.compress(bytes),
  async decompress(bytes, maxBytes) {
    if (bytes.length === 0) return new Uint8Array(0);
    const gauge = gauges.getStore()?.();
    if (gauge === undefined) throw new Error('nobody looks at what is unpacked');
    const limit = Math.min(maxBytes, MAX_UNPACKED_BYTES);
    try {
      return await unpackGzip(bytes, { maxBytes: limit, gauge, tooLong: () => tooLong(limit) });
    } catch (error) {
      throw error instanceof InvalidArgumentError ? new ConnectError(error.message, Code.InvalidArgument) : error;
    }
  },
};

function tooLong(maxBytes: number): ConnectError {
  return new ConnectError(`message is larger than ${maxBytes} bytes when it is unpacked`, Code.ResourceExhausted);
}
