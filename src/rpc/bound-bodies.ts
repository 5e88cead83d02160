import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMessage } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { OverloadedError, toTaskgateError } from '../domain/errors.ts';
import { toWireStatus } from '../calls/error-table.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import { freeBytes } from '../calls/free-bytes.ts';
import { UNCOUNTED_BYTES, unpackedBytes } from '../calls/receive-budget.ts';
import { createBodyGauge } from './gauge-body.ts';

export interface BodyLimits {
  /** Bytes of one body; what is said to be longer is for others to refuse. */
  readonly maxMessageBytes: number;
}

/**
 * Bounds what the bodies of all requests hold until they are answered. One that is too much is RESOURCE_EXHAUSTED: at
 * once if it says how long it is, since what reads it would make room for all of it; else when too much has come.
 *
 * @returns For each request, true if it has been answered.
 */
export function boundBodies(
  {
    budget,
    requestOf,
  }: {
    readonly budget: ReceiveBudget;
    /** What is taken at a URL; undefined if nothing is. */
    readonly requestOf: (url: string | undefined) => DescMessage | undefined;
  },
  { maxMessageBytes }: BodyLimits,
) {
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const { 'content-length': length, 'content-encoding': encoding } = request.headers;
    const declared = length === undefined ? undefined : unpackedBytes(Number(length), encoding, maxMessageBytes);
    if (declared !== undefined && (declared <= UNCOUNTED_BYTES || Number(length) > maxMessageBytes)) return false;
    let isRefused = false;
    let isAdding = false;
    const holding = budget.hold(() => {
      isRefused = true;
      // Nothing comes that an error could answer.
      if (!isAdding) request.socket.destroy();
    });
    const add = (bytes: number): void => {
      isAdding = true;
      holding.add(bytes);
      isAdding = false;
    };
    response.once('close', () => holding.release());
    if (declared !== undefined) {
      add(declared);
      if (isRefused) {
        refuse(request, response);
        return true;
      }
    }
    const gauge = createBodyGauge(request.headers, requestOf(request.url));
    const chunks = request[Symbol.asyncIterator].bind(request);
    request[Symbol.asyncIterator] = async function* bounded(): AsyncGenerator<Buffer, undefined> {
      const taken: Buffer[] = [];
      let isWhole = false;
      try {
        for await (const chunk of chunks() as AsyncIterable<Buffer>) {
          taken.push(chunk);
          if (declared === undefined) add(unpackedBytes(chunk.length, encoding, maxMessageBytes));
          look(() => gauge.add(chunk));
          if (isRefused) throw new ConnectError(new OverloadedError().message, Code.ResourceExhausted);
          yield chunk;
          const waitMs = budget.pace(chunk.length);
          if (waitMs > 0) await delay(waitMs);
        }
        look(() => gauge.end());
        isWhole = true;
      } finally {
        // A whole one is being read; of what ends before, nothing is.
        if (!isWhole) for (const chunk of taken) freeBytes(chunk);
      }
      return undefined;
    };
    return false;
  };
}

/** As connect-node wants its errors. */
function look(gauge: () => void): void {
  try {
    gauge();
  } catch (thrown) {
    const error = toTaskgateError(thrown);
    throw new ConnectError(error.message, toWireStatus(error).connect);
  }
}

/** What connect-node would answer. */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  const error = new OverloadedError();
  const contentType = request.headers['content-type'] ?? '';
  if (contentType.startsWith('application/grpc-web')) {
    const { grpc } = toWireStatus(error);
    response.writeHead(200, { 'content-type': contentType, 'grpc-status': `${grpc}`, 'grpc-message': error.message });
    response.end();
    return;
  }
  response.writeHead(429, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ code: 'resource_exhausted', message: error.message }));
}
