import { Cluster, Redis } from 'ioredis';
import { guardReplies } from './reply-guard.ts';

/** How to reach Redis. */
export type RedisTarget = {
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
  /** Milliseconds that one command may take. */
  readonly timeoutMs: number;
} & (
  | { readonly mode: 'single'; readonly url: string }
  | { readonly mode: 'sentinel'; readonly sentinels: readonly HostPort[]; readonly masterName: string }
  | { readonly mode: 'cluster'; readonly nodes: readonly HostPort[] }
);

interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type RedisClient = Redis | Cluster;

const SECOND_MS = 1_000;
const MAX_RECONNECT_DELAY_MS = 2 * SECOND_MS;
const CONNECT_TIMEOUT_MS = 5 * SECOND_MS;
const SOCKET_TIMEOUT_MS = SECOND_MS;
/** No entry is half as long. */
const MAX_VALUE_BYTES = 4_096;
/** Before a connection is ready the server tells of itself. */
const MAX_GREETING_BYTES = 256 * 1_024;

/**
 * A client that connects on its own, again and again, and fails at once while it is not connected: by default ioredis
 * would hold commands back for minutes.
 *
 * @param onError told of connection errors; without a listener one would end the process.
 */
export function createRedisClient(target: RedisTarget, onError: (error: Error) => void): RedisClient {
  const common = {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    maxRetriesPerRequest: 0,
    commandTimeout: target.timeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A connection that has gone silent under commands is replaced.
    socketTimeout: SOCKET_TIMEOUT_MS,
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.tls ? { tls: {} } : {}),
  };
  const client = connect(target, common);
  client.on('error', onError);
  if (client instanceof Redis) guardConnections(client);
  else client.on('+node', guardConnections);
  return client;
}

function guardConnections(client: Redis): void {
  const maxValueBytes = (): number => (client.status === 'ready' ? MAX_VALUE_BYTES : MAX_GREETING_BYTES);
  client.on('connect', () => guardReplies(client.stream, { maxValueBytes }));
}

function connect(target: RedisTarget, common: CommonOptions): RedisClient {
  const options = { ...common, retryStrategy: reconnectDelayMs };
  switch (target.mode) {
    case 'single':
      return new Redis(target.url, options);
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: target.sentinels.map(({ host, port }) => ({ host, port })),
        name: target.masterName,
        sentinelRetryStrategy: reconnectDelayMs,
        // `tls` alone is ignored here: both connections would be in clear text, passwords included.
        ...(target.tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
      });
    case 'cluster':
      return new Cluster(
        target.nodes.map(({ host, port }) => ({ host, port })),
        {
          redisOptions: common,
          enableOfflineQueue: false,
          enableAutoPipelining: true,
          clusterRetryStrategy: reconnectDelayMs,
        },
      );
    default:
      return target satisfies never;
  }
}

interface CommonOptions {
  readonly enableOfflineQueue: boolean;
  readonly enableAutoPipelining: boolean;
  readonly maxRetriesPerRequest: number;
  readonly commandTimeout: number;
  readonly connectTimeout: number;
  readonly socketTimeout: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: object;
}

/** Doubles from 50 ms, capped, with jitter so that replicas don't come back as one. */
function reconnectDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_DELAY_MS) * (0.5 + Math.random() / 2);
}
