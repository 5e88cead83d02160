import { chmod, lstat, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { Server } from '@grpc/grpc-js';
import type { HealthImplementation } from 'grpc-health-check';
import { createYoungCollector } from '../calls/collect-young.ts';
import { createReceiveBudget } from '../calls/receive-budget.ts';
import type { AuthenticateCaller, TlsSource } from '../authorize/ports-callers.ts';
import { freeFinishedStreams } from './finished-streams.ts';
import { createServerCredentials } from './grpc-credentials.ts';
import type { ConnectionLimits } from './guard-connections.ts';
import { guardConnections, limitHttp2 } from './guard-connections.ts';
import { file_taskgate_v1_authorization } from '../gen/taskgate/v1/authorization_pb.js';
import type { ExtAuthzProcedure } from './ext-authz/check-procedure.ts';
import { toExtAuthzService, toGrpcService } from './grpc-handlers.ts';
import type { GrpcListenerKind } from './grpc-peer.ts';
import { createGrpcCredentialsOf } from './grpc-peer.ts';
import type { Listener, ListenerDeps } from './listener.ts';
import { addReflection } from './reflection.ts';
import { createUnpackRequest } from './unpack-request.ts';

/** A connection whose other end is gone without a word is noticed after both. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 60_000, 'grpc.keepalive_timeout_ms': 20_000 };
/** Mebibytes that one connection may hold in what Node and nghttp2 keep of it: far above what answers on all its streams take. */
const MAX_SESSION_MEMORY = 64;

export interface GrpcListenerOptions extends ConnectionLimits {
  /** `host:port` (port 0 takes a free one) or `unix:/path`. */
  readonly address: string;
  /** File mode of a unix socket. */
  readonly socketMode: number;
  /** Milliseconds after which a connection without a call is closed, with GOAWAY. */
  readonly idleTimeoutMs: number;
  /** Bytes of one message, unpacked. */
  readonly maxMessageBytes: number;
  /** Bytes of requests that are large or slow to come, all together. */
  readonly maxReceivingBytes: number;
  /** Milliseconds that the reader of a stream may take nothing. */
  readonly stallTimeoutMs: number;
  /** Absent: plain text. */
  readonly tls?: TlsSource;
}

/** Carries the procedures over gRPC on grpc-js, with Envoy's ext_authz, health and reflection beside them. */
export async function createGrpcListener(
  deps: ListenerDeps & {
    /** Guards reflection. Health is open to probes. */
    readonly authenticate: AuthenticateCaller;
    readonly health: HealthImplementation;
    /** Absent: Envoy's ext_authz is not served. */
    readonly extAuthz?: ExtAuthzProcedure;
  },
  options: GrpcListenerOptions,
): Promise<Listener> {
  const maxAgeMs = options.tls?.maxConnectionAgeMs;
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams,
    'grpc.max_connection_idle_ms': options.idleTimeoutMs,
    'grpc-node.max_session_memory': MAX_SESSION_MEMORY,
    ...KEEPALIVE,
    // Nobody can ask for its figures: its service is not served.
    'grpc.enable_channelz': 0,
    ...(maxAgeMs === undefined ? {} : { 'grpc.max_connection_age_ms': maxAgeMs }),
  });
  limitHttp2(server, options);
  const credentialsOf = createGrpcCredentialsOf(kindOf(options));
  const budget = createReceiveBudget({ collect: createYoungCollector() }, { maxBytes: options.maxReceivingBytes });
  const handlerDeps = { ...deps, credentialsOf, unpack: createUnpackRequest(budget, options) };
  const { definition, implementation } = toGrpcService(handlerDeps, options);
  server.addService(definition, implementation);
  if (deps.extAuthz !== undefined) {
    const service = toExtAuthzService(deps.extAuthz, handlerDeps);
    server.addService(service.definition, service.implementation);
  }
  deps.health.addToServer(server);
  addReflection(server, { assertCaller: (call) => deps.authenticate(credentialsOf(call)) }, [
    file_taskgate_v1_authorization,
    ...(deps.extAuthz === undefined ? [] : [deps.extAuthz.file]),
  ]);
  const address = await bind(server, options);
  freeFinishedStreams(server);
  const guard = guardConnections(server, { ...options, budget });
  return {
    address,
    async close(graceMs) {
      await closeServer(server, graceMs);
      guard.stop();
    },
  };
}

function kindOf({ address, tls }: GrpcListenerOptions): GrpcListenerKind {
  if (address.startsWith('unix:')) return 'socket';
  return tls?.server.requestCert === true ? 'tls_certificates' : 'tcp';
}

async function bind(server: Server, options: GrpcListenerOptions): Promise<string> {
  const { address } = options;
  const socketPath = address.startsWith('unix:') ? address.slice('unix:'.length) : undefined;
  if (socketPath !== undefined) await removeStaleSocket(socketPath);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, createServerCredentials(options.tls), (error, boundPort) => {
      if (error === null) resolve(boundPort);
      else reject(new Error(`can't listen on ${address}: ${error.message}`, { cause: error }));
    });
  });
  if (socketPath === undefined) return address.replace(/:\d+$/, `:${port}`);
  await chmod(socketPath, options.socketMode);
  return address;
}

/** A socket file that nobody listens on is what a killed process left; one that answers belongs to somebody. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`can't listen on unix:${path}: there is a file that is no socket`);
  const isTaken = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.on('error', () => resolve(false));
  });
  if (isTaken) throw new Error(`can't listen on unix:${path}: another process does`);
  await rm(path, { force: true });
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
