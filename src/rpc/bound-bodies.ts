import type { IncomingMessage, ServerResponse } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { OverloadedError } from '../domain/errors.ts';
import { createReceiveBudget } from './receive-budget.ts';

/** A body that is said to be no longer than this is not counted: there is one for each connection, and it is soon gone. */
const UNCOUNTED_BYTES = 4 * 1024;

/**
 * Bounds what the bodies of all requests hold until they are answered. The one that holds the most when there is too much
 * is RESOURCE_EXHAUSTED if more of it comes; if it only waits, its connection is closed.
 */
export function boundBodies(options: { readonly maxBytes: number }) {
  const budget = createReceiveBudget(options);
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (Number(request.headers['content-length'] ?? Number.NaN) <= UNCOUNTED_BYTES) return;
    const chunks = request[Symbol.asyncIterator].bind(request);
    let isRefused = false;
    let isAdding = false;
    const holding = budget.hold(() => {
      isRefused = true;
      if (!isAdding) request.socket.destroy();
    });
    response.once('close', () => holding.release());
    request[Symbol.asyncIterator] = async function* bounded(): AsyncGenerator<Buffer, undefined> {
      for await (const chunk of chunks() as AsyncIterable<Buffer>) {
        isAdding = true;
        holding.add(chunk.length);
        isAdding = false;
        if (isRefused) throw new ConnectError(new OverloadedError().message, Code.ResourceExhausted);
        yield chunk;
      }
      return undefined;
    };
  };
}
