import type { Agent } from 'node:http';
import { request as requestHttp1 } from 'node:http';

/** What came back. */
export interface HttpExchange {
  readonly status: number;
  /** Names and values as they came, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface HttpRequest {
  /** Default `GET`. */
  readonly method?: string;
  /** Sent as it is. */
  readonly target: string;
  /** Sent as they are, in order; `host` is added. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Buffer | string;
  /** Default: a connection of its own. */
  readonly agent?: Agent;
}

const TIMEOUT_MS = 15_000;

/** One HTTP/1.1 request in which nothing is normalised. @throws Error if there is no answer. */
export async function exchangeHttp(address: string, request: HttpRequest): Promise<HttpExchange> {
  const { method = 'GET', target, headers = [], body, agent } = request;
  const { hostname, port } = new URL(`http://${address}`);
  const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))];
  return new Promise((resolve, reject) => {
    const sent = requestHttp1(
      {
        host: hostname,
        port,
        method,
        path: target,
        headers: ['host', 'application.example', ...length, ...headers.flat()],
        agent: agent ?? false,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: toPairs(response.rawHeaders),
            body: Buffer.concat(chunks).toString('latin1'),
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

/** All values of a header, by its lower-case name. */
export function valuesOf({ headers }: Pick<HttpExchange, 'headers'>, name: string): readonly string[] {
  return headers.filter(([found]) => found.toLowerCase() === name).map(([, value]) => value);
}

export function toPairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, pair) => [raw[2 * pair] ?? '', raw[2 * pair + 1] ?? '']);
}
