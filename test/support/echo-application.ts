import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { toPairs } from './exchange-http.ts';

/** What the application got. */
export interface Echo {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly sha256: string;
}

export interface EchoApplication extends AsyncDisposable {
  readonly address: string;
  /** Requests so far. */
  readonly requests: number;
}

/** An application that answers with what it got, and with the status in `x-answer`. */
export async function startEchoApplication(): Promise<EchoApplication> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk));
    request.on('end', () => {
      const { method = '', url: target = '' } = request;
      const echo: Echo = { method, target, headers: toPairs(request.rawHeaders), sha256: hash.digest('hex') };
      const status = Number(request.headers['x-answer'] ?? 200);
      response.writeHead(status, { 'content-type': 'application/json', 'x-application': 'echo' });
      response.end(JSON.stringify(echo));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
