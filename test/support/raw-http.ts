import type { ClientHttp2Session } from 'node:http2';
import { connect as connectHttp2, constants } from 'node:http2';
import { request as requestHttp1 } from 'node:http';

/** Everything that a response puts on the wire above the framing, in order. */
export interface RawResponse {
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly trailers: readonly string[];
}

/** POSTs bytes over HTTP/1.1 on a connection of its own. */
export async function postHttp1(
  url: string,
  headers: Record<string, string>,
  body: Buffer | string,
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const request = requestHttp1(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          headers: [`:status ${response.statusCode}`, ...toPairs(response.rawHeaders)],
          body: Buffer.concat(chunks),
          trailers: toPairs(response.rawTrailers),
        }),
      );
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** POSTs one gRPC message over cleartext HTTP/2 on a connection of its own. */
export async function postGrpc(
  authority: string,
  path: string,
  message: Uint8Array,
  options: {
    readonly socketPath?: string;
    readonly contentType?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<RawResponse> {
  const session: ClientHttp2Session =
    options.socketPath === undefined
      ? connectHttp2(`http://${authority}`)
      : connectHttp2('http://localhost', { createConnection: await connector(options.socketPath) });
  try {
    return await new Promise<RawResponse>((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: path,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: options.contentType ?? 'application/grpc+proto',
        [constants.HTTP2_HEADER_TE]: 'trailers',
        ...options.headers,
      });
      let headers: readonly string[] = [];
      let trailers: readonly string[] = [];
      const chunks: Buffer[] = [];
      stream.on('response', (_headers, _flags, raw: readonly string[]) => {
        headers = toPairs(raw);
      });
      stream.on('trailers', (_headers, _flags, raw: readonly string[]) => {
        trailers = toPairs(raw);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => resolve({ headers, body: Buffer.concat(chunks), trailers }));
      stream.on('error', reject);
      stream.end(frameGrpcMessage(message));
    });
  } finally {
    session.close();
  }
}

/** A message of gRPC or gRPC-Web behind its five bytes: whether it is packed, and how long it is. */
export function frameGrpcMessage(message: Uint8Array, { isPacked = false } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(isPacked ? 1 : 0);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

async function connector(socketPath: string) {
  const { connect } = await import('node:net');
  return () => connect(socketPath);
}

function toPairs(raw: readonly string[]): string[] {
  return Array.from({ length: raw.length / 2 }, (_, pair) => `${raw[2 * pair]}: ${raw[2 * pair + 1]}`);
}
