import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMessage } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { OverloadedError, toTaskgateError } from '../domain/errors.ts';
import { toWireStatus } from '../calls/error-table.ts';
import type { ReceiveBudget } from '../calls/receive-budget.ts';
import { freeBytes } from '../calls/free-bytes.ts';
import { UNCOUNTED_BYTES, UNPACKED_WEIGHT } from '../calls/receive-budget.ts';
import type { BodyGauge } from './gauge-body.ts';
import { createBodyGauge, createMessageGauge } from './gauge-body.ts';
import { gaugeUnpacked } from './unpack-bodies.ts';
import type { UnpackingGauge } from './unpack-gzip.ts';
import { UNPACKING_BYTES } from './unpack-gzip.ts';

export interface BodyLimits {
  /** Bytes of one body; what is said to be longer is for others to refuse. */
  readonly maxMessageBytes: number;
}

/** In which Connect, its streams and gRPC-Web say how a request is packed. */
const ENCODING_HEADERS = ['content-encoding', 'connect-content-encoding', 'grpc-encoding'];

/**
 * Bounds what the bodies of all requests hold until they are answered. One that is too much is RESOURCE_EXHAUSTED: at
 * once if it says how long it is, since what reads it would make room for all of it; else when too much has come. What is
 * packed is bounded again as it is unpacked.
 *
 * @returns For each request, calls `serve` if it has not been answered.
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
  return (request: IncomingMessage, response: ServerResponse, serve: () => void): void => {
    const { headers } = request;
    const declared = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
    if (declared !== undefined && declared <= UNCOUNTED_BYTES && !isPacked(headers)) {
      serve();
      return;
    }
    const held = holdBody(request, budget);
    response.once('close', () => held.release());
    // connect-node refuses what says that it is longer. Of gRPC-Web it reads what comes all the same.
    const isCounted = declared !== undefined && declared <= maxMessageBytes;
    if (isCounted && !held.add(declared)) {
      refuse(request, response);
      return;
    }
    const message = requestOf(request.url);
    const chunks = request[Symbol.asyncIterator].bind(request);
    request[Symbol.asyncIterator] = () =>
      boundChunks(chunks(), { held, isCounted, gauge: createBodyGauge(headers, message) });
    gaugeUnpacked(() => createUnpackingGauge(held, createMessageGauge(headers, message)), serve);
  };
}

/** The part of the budget that one request has. */
interface HeldBody {
  /** @returns False if it is too much. */
  add(bytes: number): boolean;
  /** While it is unpacked nothing has to come for it to be told that it is too much. */
  isUnpacking: boolean;
  /** Resolves when more may be read. */
  pace(bytes: number): Promise<void>;
  release(): void;
}

function holdBody({ socket }: IncomingMessage, budget: ReceiveBudget): HeldBody {
  let isRefused = false;
  let isAdding = false;
  const holding = budget.hold(() => {
    isRefused = true;
    // Nothing comes that an error could answer.
    if (!isAdding && !held.isUnpacking) socket.destroy();
  });
  const held: HeldBody = {
    isUnpacking: false,
    add(bytes) {
      isAdding = true;
      holding.add(bytes);
      isAdding = false;
      return !isRefused;
    },
    async pace(bytes) {
      const waitMs = budget.pace(bytes);
      if (waitMs > 0) await delay(waitMs);
    },
    release: () => holding.release(),
  };
  return held;
}

async function* boundChunks(
  chunks: AsyncIterable<Buffer>,
  { held, isCounted, gauge }: { readonly held: HeldBody; readonly isCounted: boolean; readonly gauge: BodyGauge },
): AsyncGenerator<Buffer, undefined> {
  const taken: Buffer[] = [];
  let isWhole = false;
  try {
    for await (const chunk of chunks) {
      taken.push(chunk);
      assertHeld(held.add(isCounted ? 0 : chunk.length));
      look(() => gauge.add(chunk));
      yield chunk;
      await held.pace(chunk.length);
    }
    look(() => gauge.end());
    isWhole = true;
  } finally {
    // A whole one is being read; of what ends before, nothing is.
    if (!isWhole) for (const chunk of taken) freeBytes(chunk);
  }
  return undefined;
}

function createUnpackingGauge(held: HeldBody, gauge: BodyGauge): UnpackingGauge {
  assertHeld(held.add(UNPACKING_BYTES));
  held.isUnpacking = true;
  return {
    async add(chunk) {
      assertHeld(held.add(chunk.length));
      look(() => gauge.add(chunk));
      await held.pace(chunk.length * UNPACKED_WEIGHT);
    },
    end() {
      assertHeld(held.add(0));
      held.isUnpacking = false;
      look(() => gauge.end());
    },
  };
}

function assertHeld(isHeld: boolean): void {
  if (!isHeld) throw new ConnectError(new OverloadedError().message, Code.ResourceExhausted);
}

function isPacked(headers: IncomingHttpHeaders): boolean {
  return ENCODING_HEADERS.some((name) => (headers[name] ?? 'identity') !== 'identity');
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
