import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { request as requestHttp1 } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';

/** What came back, whatever was sent. */
export interface Exchange {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** Of HTTP/2 only. */
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Http1Request {
  /** Default `POST`. */
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string;
}

/** One HTTP/1.1 request on a connection of its own. A server may answer before it has read the body. */
export async function exchangeHttp1(
  url: string,
  { method = 'POST', headers = {}, body }: Http1Request,
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const request = requestHttp1(url, { method, headers, agent: false }, (response) => {
      answered = true;
      const chunks: Buffer[] = [];
      const finish = (): void => resolve(toExchange(response.statusCode ?? 0, response.headers, chunks));
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', finish);
      response.on('error', reject);
    });
    request.on('error', (error) => {
      if (!answered) reject(error);
    });
    request.end(body);
  });
}

function toExchange(status: number, headers: IncomingHttpHeaders, chunks: readonly Buffer[]): Exchange {
  return { status, headers, body: Buffer.concat(chunks).toString('utf8'), trailers: {} };
}

/** One POST of bytes over cleartext HTTP/2 on a connection of its own. */
export async function exchangeHttp2(
  authority: string,
  path: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer },
): Promise<Exchange> {
  const session = connectHttp2(`http://${authority}`);
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: path,
        ...headers,
      });
      let answer: Exchange = { status: 0, headers: {}, body: '', trailers: {} };
      stream.on('response', (received) => {
        answer = { ...answer, status: received[':status'] ?? 0, headers: received };
      });
      stream.on('trailers', (trailers) => {
        answer = { ...answer, trailers };
      });
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('close', () => resolve({ ...answer, body: Buffer.concat(chunks).toString('latin1') }));
      // A stream that the server reset after its answer has an answer.
      stream.on('error', (error) => {
        if (answer.status === 0) reject(error);
      });
      stream.end(body);
    });
  } finally {
    session.destroy();
  }
}
