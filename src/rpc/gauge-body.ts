import type { IncomingHttpHeaders } from 'node:http';
import type { DescMessage } from '@bufbuild/protobuf';
import { InvalidArgumentError } from '../domain/errors.ts';
import { createJsonGauge } from '../domain/json-gauge.ts';
import { boundValues, maxValuesOf, tooManyValues } from './bound-values.ts';

/** Far above that of any message. */
const MAX_JSON_DEPTH = 64;
/** Before a message of gRPC-Web, or of a stream: a flag, and how long it is. */
const ENVELOPE_BYTES = 5;
/** Of that flag: the message is packed. */
const PACKED = 0x01;

/** Looks at a body before it is decoded. Each throws an InvalidArgumentError if it is more than any message. */
export interface BodyGauge {
  add(chunk: Buffer): void;
  /** All of it was added. */
  end(): void;
}

/** What is packed is looked at when it is unpacked. */
const BLIND: BodyGauge = { add: () => undefined, end: () => undefined };

/** For one body, which is to become a message. */
export function createBodyGauge(headers: IncomingHttpHeaders, message: DescMessage | undefined): BodyGauge {
  if (headers['content-encoding'] !== undefined) return BLIND;
  const isEnveloped = /^application\/(?:grpc-web|connect\+)/.test(contentTypeOf(headers));
  let gauge = createMessageGauge(headers, message);
  let skipBytes = isEnveloped ? ENVELOPE_BYTES : 0;
  return {
    add(chunk) {
      if (skipBytes === ENVELOPE_BYTES && ((chunk[0] ?? 0) & PACKED) !== 0) gauge = BLIND;
      const part = chunk.subarray(skipBytes);
      skipBytes -= chunk.length - part.length;
      gauge.add(part);
    },
    end: () => gauge.end(),
  };
}

/** For one message of a body, unpacked. */
export function createMessageGauge(headers: IncomingHttpHeaders, message: DescMessage | undefined): BodyGauge {
  if (message === undefined) return BLIND;
  return contentTypeOf(headers).includes('json') ? gaugeJson(message) : gaugeBinary(message);
}

function contentTypeOf(headers: IncomingHttpHeaders): string {
  return headers['content-type']?.toLowerCase() ?? '';
}

function gaugeJson(message: DescMessage): BodyGauge {
  const exceeded = createJsonGauge({ maxDepth: MAX_JSON_DEPTH, maxValues: maxValuesOf(message) });
  return {
    add(chunk) {
      switch (exceeded(chunk)) {
        case 'maxDepth':
          throw new InvalidArgumentError('request', 'nests too deep');
        case 'maxValues':
          throw tooManyValues(message);
        case undefined:
      }
    },
    end: () => undefined,
  };
}

function gaugeBinary(message: DescMessage): BodyGauge {
  const chunks: Buffer[] = [];
  return {
    add: (chunk) => void chunks.push(chunk),
    end: () => boundValues(message, Buffer.concat(chunks)),
  };
}
