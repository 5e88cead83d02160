import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsSource } from '../authorize/ports-callers.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Milliseconds within which the headers, and the whole request, must have come. */
  readonly requestTimeoutMs: number;
  /**
   * Milliseconds after which a connection on which nothing moves is closed: one without a request, or whose reader has
   * stopped. One whose answer is still being made stays.
   */
  readonly stallTimeoutMs: number;
  /** Absent: plain text. */
  readonly tls?: TlsSource;
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
  const server = createAnyServer(options, (request, response) => {
    // Who stops reading a body (one that is too large) must not destroy the connection that the answer goes out on.
    request[Symbol.asyncIterator] = () => request.iterator({ destroyOnReturn: false });
    response.once('finish', () => drainBody(request));
    // An answer that is still being made keeps nobody waiting but its own caller, who has a deadline.
    response.on('timeout', (socket: Socket) => {
      if (socket.writableLength > 0) socket.destroy();
    });
    handler(request, response);
  });
  server.setTimeout(options.stallTimeoutMs);
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

/** New connections get the certificate and the authority that are there when they begin. */
function createAnyServer({ tls, requestTimeoutMs }: HttpServerOptions, handler: RequestHandler) {
  const timeouts = { headersTimeout: requestTimeoutMs, requestTimeout: requestTimeoutMs };
  if (tls === undefined) return createServer(timeouts, handler);
  const openedAtMs = new WeakMap<Socket, number>();
  const server = createTlsServer({ ...timeouts, ...tls.server, ...tls.current() }, (request, response) => {
    const ageMs = performance.now() - (openedAtMs.get(request.socket) ?? 0);
    if (ageMs >= (tls.maxConnectionAgeMs ?? Infinity)) response.setHeader('connection', 'close');
    handler(request, response);
  });
  server.on('secureConnection', (socket) => openedAtMs.set(socket, performance.now()));
  tls.onChange((material) => server.setSecureContext(material));
  return server;
}

/** Takes what is left of a body off the connection: the next request on it would wait behind it until both time out. */
function drainBody(request: IncomingMessage): void {
  if (!request.complete) request.on('data', () => undefined).resume();
}

function formatAddress(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') return address ?? '';
  return address.family === 'IPv6' ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}
