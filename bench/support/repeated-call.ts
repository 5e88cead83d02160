import { once } from 'node:events';
import { connect } from 'node:net';

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const FRAME_HEADER_BYTES = 9;
const INITIAL_WINDOW_BYTES = 65_535;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
/** Of a server that allows more; to open more than it allows would be a protocol error. */
const MAX_STREAMS = 100;

export interface RepeatedCallOptions {
  /** `host:port` of a gRPC server without TLS. */
  readonly target: string;
  readonly path: string;
  /** One framed gRPC message. */
  readonly body: Buffer;
  /** Told of each call that has ended. `isAnswered`: with a message, so not with an error. */
  readonly onEnd: (sentAtMs: number, isAnswered: boolean) => void;
}

/** A connection that makes the same gRPC call whenever it is told to. */
export interface RepeatedCall extends Disposable {
  /**
   * Sends it, or as soon as the server takes another stream; either way it counts from now. A `body` of its own is as long
   * as that of the options.
   */
  send(nowMs: number, body?: Buffer): void;
  /** Calls that have not ended. */
  readonly underWay: number;
}

/**
 * Speaks just as much HTTP/2 (RFC 9113) as the same call again and again needs. With a client library the load
 * generator's own garbage collection would be what the 99th percentile shows; this one allocates next to nothing.
 *
 * @throws Error, out of the event loop, if the server ends the connection or the flow-control window is used up.
 */
export async function openRepeatedCall(options: RepeatedCallOptions): Promise<RepeatedCall> {
  const { hostname, port } = new URL(`http://${options.target}`);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const sentAtMs = new Map<number, number>();
  const answered = new Set<number>();
  const [first, template] = toRequests(options);
  const waiting: { readonly sinceMs: number; readonly body: Buffer }[] = [];
  let nextStream = 1;
  let windowBytes = INITIAL_WINDOW_BYTES;
  let rest: Buffer = Buffer.alloc(0);

  const send = (nowMs: number, body: Buffer): void => {
    if (body.length !== options.body.length) throw new Error('load: a body is of another length');
    windowBytes -= body.length;
    if (windowBytes < 0) throw new Error('load: the server reads too slowly');
    const source = nextStream === 1 ? first : template;
    const request = Buffer.from(source.bytes);
    request.writeUInt32BE(nextStream, 5);
    request.writeUInt32BE(nextStream, source.dataAt + 5);
    body.copy(request, source.dataAt + FRAME_HEADER_BYTES);
    sentAtMs.set(nextStream, nowMs);
    nextStream += 2;
    socket.write(request);
  };
  const end = (stream: number): void => {
    const startedAtMs = sentAtMs.get(stream);
    if (startedAtMs === undefined) return;
    sentAtMs.delete(stream);
    options.onEnd(startedAtMs, answered.delete(stream));
    const next = waiting.shift();
    if (next !== undefined) send(next.sinceMs, next.body);
  };
  const take = (type: number, flags: number, stream: number, payload: Buffer): void => {
    if (type === FRAME.data && payload.length > 0) answered.add(stream);
    if ((type === FRAME.headers || type === FRAME.data) && (flags & END_STREAM) !== 0) end(stream);
    if (type === FRAME.reset) end(stream);
    if (type === FRAME.settings && (flags & ACK) === 0) socket.write(toFrame(FRAME.settings, ACK, 0));
    if (type === FRAME.ping && (flags & ACK) === 0) socket.write(toFrame(FRAME.ping, ACK, 0, payload));
    if (type === FRAME.windowUpdate && stream === 0) windowBytes += payload.readUInt32BE(0);
    if (type === FRAME.goAway) throw new Error(`load: the server goes away, code ${payload.readUInt32BE(4)}`);
  };
  socket.on('data', (chunk: Buffer) => {
    let bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const length = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < length) break;
      take(bytes.readUInt8(3), bytes.readUInt8(4), bytes.readUInt32BE(5), bytes.subarray(FRAME_HEADER_BYTES, length));
      bytes = bytes.subarray(length);
    }
    rest = bytes;
  });
  const window = Buffer.alloc(4);
  window.writeUInt32BE(MAX_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(Buffer.concat([toFrame(FRAME.settings, 0, 0), toFrame(FRAME.windowUpdate, 0, 0, window)]));

  return {
    send(nowMs, body = options.body) {
      if (sentAtMs.size < MAX_STREAMS) send(nowMs, body);
      else waiting.push({ sinceMs: nowMs, body });
    },
    get underWay() {
      return sentAtMs.size + waiting.length;
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** The first request puts its headers into the connection's HPACK table (RFC 7541), and the others name them there. */
function toRequests({ path, target, body }: RepeatedCallOptions) {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const post = Buffer.from([0x83, 0x86]);
  const named = [
    Buffer.from([0x44]),
    text(path),
    Buffer.from([0x41]),
    text(target),
    Buffer.from([0x5f]),
    text('application/grpc'),
    Buffer.from([0x40]),
    text('te'),
    text('trailers'),
  ];
  const indexed = Buffer.from([0xc1, 0xc0, 0xbf, 0xbe]);
  return [Buffer.concat([post, ...named]), Buffer.concat([post, indexed])].map((headers) => {
    const headersFrame = toFrame(FRAME.headers, END_HEADERS, 0, headers);
    return {
      bytes: Buffer.concat([headersFrame, toFrame(FRAME.data, END_STREAM, 0, body)]),
      dataAt: headersFrame.length,
    };
  }) as [{ bytes: Buffer; dataAt: number }, { bytes: Buffer; dataAt: number }];
}

function toFrame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.writeUInt32BE(stream, 5);
  payload.copy(frame, FRAME_HEADER_BYTES);
  return frame;
}
