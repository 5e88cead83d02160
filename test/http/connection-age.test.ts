import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, constants } from 'node:http2';
import { Agent, request as requestHttps } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TlsSource } from '../../src/authorize/ports-callers.ts';
import { LOCAL_CALLER } from '../../src/domain/caller.ts';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { openHttpServer } from '../../src/http/http-server.ts';
import { createGrpcListener } from '../../src/rpc/grpc-listener.ts';
import { defineUnary } from '../../src/rpc/procedure.ts';
import { createHealth } from '../../src/rpc/health.ts';
import type { Identity } from '../support/certificates.ts';
import { TestAuthority } from '../support/certificates.ts';

let authority: TestAuthority;
let server: Identity;
let client: Identity;
let opened: AsyncDisposableStack;
beforeEach(async () => {
  opened = new AsyncDisposableStack();
  authority = await TestAuthority.create();
  server = await authority.issueServer();
  client = await authority.issue({ dnsNames: ['a'] });
});
afterEach(async () => opened.disposeAsync());

function toTls(maxConnectionAgeMs: number): TlsSource {
  return {
    server: { requestCert: true, rejectUnauthorized: true, handshakeTimeout: 10_000 },
    maxConnectionAgeMs,
    current: () => ({ ...server, ca: authority.cert, minVersion: 'TLSv1.2' }),
    onChange() {},
  };
}

describe('a connection with a client certificate', () => {
  it.each([
    ['stays while it is young', 600_000, 1],
    ['is opened anew when it is old, with every request answered', 0, 3],
  ])('over HTTP %s', async (_name, maxConnectionAgeMs, connections) => {
    const listener = await openHttpServer((_request, response) => response.end('answer'), {
      host: '127.0.0.1',
      port: 0,
      requestTimeoutMs: 10_000,
      stallTimeoutMs: 10_000,
      maxConnections: 10,
      maxHeaderBytes: 16_384,
      tls: toTls(maxConnectionAgeMs),
    });
    opened.defer(async () => listener.close(0));
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert, ...client });
    opened.defer(() => agent.destroy());
    const ports = new Set<number | undefined>();
    for (let round = 0; round < 3; round += 1) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        requestHttps(`https://${listener.address}/`, { agent }, resolve).on('error', reject).end();
      });
      ports.add(response.socket.localPort);
      expect(response.statusCode).toBe(200);
      const ended = new Promise((resolve) => response.on('end', resolve));
      response.resume();
      await ended;
    }
    expect(ports.size).toBe(connections);
  });

  it('over gRPC is asked to be opened anew when it is old', async () => {
    const listener = await createGrpcListener(
      {
        procedures: [defineUnary({ method: AuthorizationService.method.checkTask, handle: nobodyCalls })],
        pipeline: { refuse: () => undefined, run: nobodyCalls, stream: nobodyStreams },
        authenticate: () => LOCAL_CALLER,
        health: createHealth().implementation,
        createDecisionId: () => 'id',
      },
      {
        address: '127.0.0.1:0',
        socketMode: 0o660,
        maxMessageBytes: 1_024,
        maxConcurrentStreams: 10,
        maxConnections: 10,
        maxHeaderBytes: 16_384,
        maxReceiving: 10,
        maxReceivingBytes: 65_536,
        requestTimeoutMs: 10_000,
        idleTimeoutMs: 60_000,
        stallTimeoutMs: 1_000,
        tls: toTls(100),
      },
    );
    opened.defer(async () => listener.close(0));
    const session = connect(`https://localhost:${listener.address.split(':').at(-1)}`, {
      ca: authority.cert,
      ...client,
    });
    opened.defer(() => session.destroy());
    const [code] = (await once(session, 'goaway', { signal: AbortSignal.timeout(15_000) })) as [number];
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
  });
});

async function nobodyCalls(): Promise<never> {
  throw new Error('nobody calls');
}

async function* nobodyStreams(): AsyncGenerator<never> {
  yield await nobodyCalls();
}
