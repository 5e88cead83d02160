import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Metadata, credentials, status } from '@grpc/grpc-js';
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import type { CallContext, Clock } from '../authorize/ports.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { DeadlineExceededError, UnavailableError } from '../domain/errors.ts';
import type { RetryBudget } from '../resilience/retry-budget.ts';
import { UNLIMITED_RETRIES } from '../resilience/retry-budget.ts';
import { abortReason, grpcStatusOf, toSpiceDbError } from './spicedb-errors.ts';
import type { Method } from './spicedb-methods.ts';

const MIB = 1024 * 1024;

/** How a retry waits: between none and all of this, doubled by each attempt. */
const RETRY_DELAY_MS = 20;

const CHANNEL_OPTIONS: ChannelOptions = {
  // A proxy from the environment must not see relationships.
  'grpc.enable_http_proxy': 0,
  // No TXT look-ups: the service config is ours.
  'grpc.service_config_disable_resolution': 1,
  'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  // A bulk answer repeats every item that was asked; with long ids that is more than the default of 4 MiB.
  'grpc.max_receive_message_length': 64 * MIB,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // Closing a client closes its connections, whoever else talks to the same address.
  'grpc.use_local_subchannel_pool': 1,
};

/** Where SpiceDB is and how to talk to it. */
export interface SpiceDbOptions {
  /** `host:port` or `unix:/path`. */
  readonly endpoint: string;
  /** The preshared key. Without one no authorization is sent: for the embedded engine. */
  readonly token?: string;
  /** TLS, with the roots in the PEM file `caFile` or those of the machine. Plain text without it. */
  readonly tls?: { readonly caFile?: string };
  /** The most that one call may take, retries included. */
  readonly timeoutMs: number;
  /** Attempts at an idempotent call that meets UNAVAILABLE. Default 3. */
  readonly maxAttempts?: number;
}

export interface SpiceDbClient {
  /**
   * One unary call that ends by `context.deadlineAtMs` and by `timeoutMs`, or when `context.signal` aborts.
   *
   * SpiceDB recycles connections every 30 s, so a call may meet UNAVAILABLE while nothing is wrong: an idempotent one is
   * tried again, within its time and as far as the budget of retries goes.
   *
   * @throws TaskgateError
   */
  call<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Request,
    context: CallContext,
    options: { readonly idempotent: boolean },
  ): Promise<Response>;
  /**
   * One server stream, without a deadline: it ends when it is cancelled, when the signal aborts, or from the other side.
   * `onEnd` is called once, with a TaskgateError if it did not end well.
   */
  stream<Request extends object, Response extends object>(
    method: Method<Request, Response>,
    request: Request,
    context: Pick<CallContext, 'signal' | 'span'>,
    events: StreamEvents<Response>,
  ): { cancel(): void };
  /** Ends the connections. Calls that are under way fail. */
  close(): void;
}

export interface StreamEvents<Response> {
  /** Must not throw. */
  readonly onMessage: (message: Response) => void;
  readonly onEnd: (error: TaskgateError | undefined) => void;
}

export interface SpiceDbClientDeps {
  readonly clock: Clock;
  /** From 0 to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Shared by all calls. Default: no bound but `maxAttempts`. */
  readonly retryBudget?: RetryBudget;
}

/**
 * A client of SpiceDB that connects when it is first used.
 *
 * @throws Error when the CA file can't be read or the token can't be sent.
 */
export function createSpiceDbClient(
  { clock, random = Math.random, retryBudget = UNLIMITED_RETRIES }: SpiceDbClientDeps,
  options: SpiceDbOptions,
): SpiceDbClient {
  const { timeoutMs, maxAttempts = 3 } = options;
  const channel = new Client(options.endpoint, toChannelCredentials(options.tls), CHANNEL_OPTIONS);
  const metadata = toMetadata(options.token);
  return {
    async call(method, request, context, { idempotent }) {
      const remainingMs = Math.min(timeoutMs, context.deadlineAtMs - clock.nowMs());
      if (context.signal.aborted) throw abortReason(context.signal);
      if (remainingMs <= 0) throw new DeadlineExceededError();
      const bounds = {
        metadata: withTrace(metadata, context),
        signal: context.signal,
        deadline: new Date(Date.now() + remainingMs),
      };
      retryBudget.called();
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await callOnce(channel, method, request, bounds);
        } catch (thrown) {
          const again = idempotent && attempt < maxAttempts && grpcStatusOf(thrown)?.code === status.UNAVAILABLE;
          const delayMs = Math.ceil(random() * RETRY_DELAY_MS * 2 ** attempt);
          if (!again || Date.now() + delayMs >= bounds.deadline.getTime() || !retryBudget.take()) throw thrown;
          await pause(delayMs, context.signal);
        }
      }
    },
    stream(method, request, context, events) {
      const { signal } = context;
      const { path, serialize, deserialize } = method;
      const stream = channel.makeServerStreamRequest(
        path,
        serialize,
        deserialize,
        request,
        withTrace(metadata, context),
        {},
      );
      const cancel = (): void => stream.cancel();
      signal.addEventListener('abort', cancel, { once: true });
      const end = (error?: TaskgateError): void => {
        signal.removeEventListener('abort', cancel);
        events.onEnd(error);
      };
      stream.on('data', events.onMessage);
      stream.once('end', () => end());
      stream.on('error', (thrown) => end(toSpiceDbError(thrown, signal)));
      if (signal.aborted) cancel();
      return { cancel };
    },
    close: () => channel.close(),
  };
}

interface CallBounds {
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  readonly deadline: Date;
}

async function callOnce<Request extends object, Response extends object>(
  channel: Client,
  method: Method<Request, Response>,
  request: Request,
  { metadata, signal, deadline }: CallBounds,
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  let cancel = (): void => undefined;
  try {
    const call = channel.makeUnaryRequest(
      method.path,
      method.serialize,
      method.deserialize,
      request,
      metadata,
      { deadline },
      (error, response) => {
        if (error !== null) reject(error);
        else if (response === undefined) reject(new UnavailableError('spicedb'));
        else resolve(response);
      },
    );
    cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    return await promise;
  } catch (thrown) {
    throw toSpiceDbError(thrown, signal);
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Metadata is shared by all calls, so what is of one call goes into a copy. */
function withTrace(metadata: Metadata, { span }: Pick<CallContext, 'span'>): Metadata {
  if (span === undefined) return metadata;
  const own = metadata.clone();
  for (const [name, value] of Object.entries(span.headers)) own.set(name, value);
  return own;
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(delayMs, undefined, { signal });
  } catch {
    throw abortReason(signal);
  }
}

function toChannelCredentials(tls: SpiceDbOptions['tls']): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.caFile === undefined ? null : readFileSync(tls.caFile));
}

function toMetadata(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token === undefined) return metadata;
  // grpc-js would say the value in its error.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error('the SpiceDB token must be printable ASCII without spaces');
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}
