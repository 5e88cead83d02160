import { status } from '@grpc/grpc-js';
import type { CallContext, Clock } from '../authorize/ports.ts';
import { DeadlineExceededError, OverloadedError, toTaskgateError, UnavailableError } from '../domain/errors.ts';
import type { Breaker, Verdict } from '../resilience/breaker.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { abortReason, grpcStatusOf } from './spicedb-errors.ts';

/** Codes by which a server that is well refuses one call. */
const ANSWERS: ReadonlySet<number> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
]);

/**
 * SpiceDB behind a breaker. A call counts once, with all its attempts, and is slow only if it had all of its time.
 *
 * The probe runs in nobody's name: its caller may leave, and it still finds out. A stream may last and is never the
 * probe; while the breaker is not closed it is refused.
 */
export function createGuardedSpiceDbClient(
  { client, breaker, clock }: { readonly client: SpiceDbClient; readonly breaker: Breaker; readonly clock: Clock },
  { timeoutMs }: { /** The most milliseconds that one call may take. */ readonly timeoutMs: number },
): SpiceDbClient {
  return {
    async call(method, request, context, options) {
      if (context.signal.aborted) throw abortReason(context.signal);
      const nowMs = clock.nowMs();
      if (context.deadlineAtMs <= nowMs) throw new DeadlineExceededError();
      if (breaker.state === 'closed') {
        const isFair = context.deadlineAtMs - nowMs >= timeoutMs;
        return breaker.run(
          async () => client.call(method, request, context, options),
          (thrown) => (context.signal.aborted ? 'unknown' : verdictOf(thrown, isFair)),
        );
      }
      const own: CallContext = { signal: new AbortController().signal, deadlineAtMs: nowMs + timeoutMs };
      const probe = breaker.run(
        async () => client.call(method, request, own, options),
        (thrown) => verdictOf(thrown, true),
      );
      return orLeave(probe, context, nowMs);
    },
    stream(method, request, context, events) {
      try {
        breaker.assertClosed();
      } catch (error) {
        queueMicrotask(() => events.onEnd(toTaskgateError(error)));
        return { cancel: () => undefined };
      }
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
      const counted = breaker.run(
        async () => ended,
        (thrown) => (context.signal.aborted ? 'unknown' : verdictOf(thrown, false)),
      );
      counted.catch(() => undefined);
      return client.stream(method, request, context, {
        onMessage: events.onMessage,
        onEnd(error) {
          if (error === undefined) resolve();
          else reject(error);
          events.onEnd(error);
        },
      });
    },
    close: () => client.close(),
  };
}

function verdictOf(thrown: unknown, isFair: boolean): Verdict {
  if (thrown instanceof DeadlineExceededError) return isFair ? 'fault' : 'unknown';
  if (thrown instanceof OverloadedError) return 'answered';
  if (!(thrown instanceof UnavailableError)) return 'unknown';
  const code = grpcStatusOf(thrown)?.code;
  if (code === status.CANCELLED) return 'unknown';
  return code !== undefined && ANSWERS.has(code) ? 'answered' : 'fault';
}

/** The answer, or the end of the caller's own time. The work itself goes on. */
async function orLeave<Answer>(
  answer: Promise<Answer>,
  { signal, deadlineAtMs }: CallContext,
  nowMs: number,
): Promise<Answer> {
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(abortReason(signal));
  const timer = setTimeout(() => reject(new DeadlineExceededError()), deadlineAtMs - nowMs);
  signal.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([answer, left]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}
