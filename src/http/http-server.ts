import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Milliseconds within which the headers, and the whole request, must have come. */
  readonly requestTimeoutMs: number;
}

export interface HttpServer {
  /** Where it listens, with the port that it really got. */
  readonly address: string;
  /** Stops taking requests, lets those under way finish for `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Opens an HTTP/1.1 server. @throws Error naming the address if it can't be had. */
export async function openHttpServer(handler: RequestHandler, options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    { headersTimeout: options.requestTimeoutMs, requestTimeout: options.requestTimeoutMs },
    handler,
  );
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(`can't listen on ${host}:${port}: ${cause.message}`, { cause })));
    server.listen(port, host, resolve);
  });
  return {
    address: formatAddress(server.address()),
    async close(graceMs) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => server.closeAllConnections(), graceMs);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        server.closeIdleConnections();
      });
    },
  };
}

function formatAddress(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return address ?? '';
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
