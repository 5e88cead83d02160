import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallContext } from '../../src/authorize/ports.ts';
import { CancelledError, DeadlineExceededError, OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import type { TaskgateError } from '../../src/domain/errors.ts';
import { createGuardedSpiceDbClient } from '../../src/relationships/guarded-spicedb-client.ts';
import type { SpiceDbClient, StreamEvents } from '../../src/relationships/spicedb-client.ts';
import { createSpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import { CHECK_PERMISSION, LOOKUP_RESOURCES } from '../../src/relationships/spicedb-methods.ts';
import { toSpiceDbError } from '../../src/relationships/spicedb-errors.ts';
import { toCheckItem, toConsistency, toLookupRequest } from '../../src/relationships/spicedb-requests.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import { createRetryBudget } from '../../src/resilience/retry-budget.ts';
import { createRecordingObserver, createTestBreaker } from '../support/breaker.ts';
import { SYSTEM_CLOCK, taskCheck } from '../support/spicedb.ts';
import { StatusError, startFakeSpiceDb } from './fake-spicedb.ts';

const TIMEOUT_MS = 1_000;
const IDEMPOTENT = { idempotent: true };
const REQUEST = {
  ...toCheckItem(taskCheck('task-1')),
  consistency: toConsistency(MINIMIZE_LATENCY),
  withTracing: false,
};
const LOOKUP = toLookupRequest(taskCheck('task-1'), MINIMIZE_LATENCY, 0);
const NEVER = new AbortController().signal;

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: 1_000_000 }));
afterEach(() => void vi.useRealTimers());

function within(ms: number, signal = NEVER): CallContext {
  return { signal, deadlineAtMs: Date.now() + ms };
}

/** A client whose every call is settled by hand, behind a breaker. */
function setUp() {
  const calls: (PromiseWithResolvers<unknown> & { readonly context: CallContext })[] = [];
  const streams: StreamEvents<never>[] = [];
  const client: SpiceDbClient = {
    async call(_method, _request, context) {
      const call = { ...Promise.withResolvers<unknown>(), context };
      calls.push(call);
      return call.promise as Promise<never>;
    },
    stream(_method, _request, _context, events) {
      streams.push(events);
      return { cancel: () => undefined };
    },
    close: () => undefined,
  };
  const { breaker } = createTestBreaker('spicedb');
  const guarded = createGuardedSpiceDbClient({ client, breaker, clock: SYSTEM_CLOCK }, { timeoutMs: TIMEOUT_MS });
  const ask = async (context: CallContext = within(5_000)): Promise<unknown> =>
    guarded.call(CHECK_PERMISSION, REQUEST, context, IDEMPOTENT).catch((error: unknown) => error);
  /** One call that ends so. */
  const end = async (error: TaskgateError, context?: CallContext): Promise<unknown> => {
    const outcome = ask(context);
    calls.at(-1)?.reject(error);
    return outcome;
  };
  const stream = (): { readonly ended: Promise<TaskgateError | undefined> } => {
    const { promise: ended, resolve } = Promise.withResolvers<TaskgateError | undefined>();
    guarded.stream(LOOKUP_RESOURCES, LOOKUP, { signal: NEVER }, { onMessage: () => undefined, onEnd: resolve });
    return { ended };
  };
  const open = async (): Promise<void> => {
    await end(answered(status.UNAVAILABLE));
    await end(answered(status.UNAVAILABLE));
    expect(breaker.state).toBe('open');
  };
  return { ask, end, stream, open, calls, streams, breaker };
}

/** What the client makes of this status. */
function answered(code: status): TaskgateError {
  return toSpiceDbError(Object.assign(new Error('canary'), { code, details: 'canary' }), NEVER);
}

describe.each([
  ['UNAVAILABLE', answered(status.UNAVAILABLE)],
  ['UNKNOWN', answered(status.UNKNOWN)],
  ['INTERNAL', answered(status.INTERNAL)],
  ['a call that had all of its time', answered(status.DEADLINE_EXCEEDED)],
  ['an answer that can not be understood', new UnavailableError('spicedb')],
])('%s', (_, error) => {
  test('counts, and then calls are refused at once', async () => {
    const { ask, end, calls, breaker } = setUp();
    await end(error);
    await end(error);
    expect(breaker.state).toBe('open');
    expect(await ask()).toEqual(new UnavailableError('spicedb'));
    expect(calls).toHaveLength(2);
  });
});

describe.each([
  ['INVALID_ARGUMENT', answered(status.INVALID_ARGUMENT)],
  ['FAILED_PRECONDITION', answered(status.FAILED_PRECONDITION)],
  ['ALREADY_EXISTS', answered(status.ALREADY_EXISTS)],
  ['OUT_OF_RANGE', answered(status.OUT_OF_RANGE)],
  ['UNIMPLEMENTED', answered(status.UNIMPLEMENTED)],
  ['RESOURCE_EXHAUSTED', answered(status.RESOURCE_EXHAUSTED)],
  ['a caller that has left', new CancelledError()],
])('%s', (_, error) => {
  test('does not count, and is thrown as it is', async () => {
    const { end, breaker } = setUp();
    for (let call = 0; call < 10; call += 1) expect(await end(error)).toBe(error);
    expect(breaker.state).toBe('closed');
  });
});

test('RESOURCE_EXHAUSTED is overload', async () => {
  expect(await setUp().end(answered(status.RESOURCE_EXHAUSTED))).toBeInstanceOf(OverloadedError);
});

test('a deadline of the caller that is shorter than ours does not count', async () => {
  const { end, breaker } = setUp();
  for (let call = 0; call < 10; call += 1) await end(answered(status.DEADLINE_EXCEEDED), within(TIMEOUT_MS - 1));
  expect(breaker.state).toBe('closed');
});

test('whatever a call ends with after its caller has left does not count', async () => {
  const { end, breaker } = setUp();
  for (let call = 0; call < 10; call += 1) {
    const caller = new AbortController();
    const outcome = end(answered(status.UNAVAILABLE), within(5_000, caller.signal));
    caller.abort(new CancelledError());
    await outcome;
  }
  expect(breaker.state).toBe('closed');
});

describe('the probe', () => {
  test('outlives its caller, and closes the breaker', async () => {
    const { ask, open, calls, breaker } = setUp();
    await open();
    vi.setSystemTime(Date.now() + 100);
    const caller = new AbortController();
    const left = ask(within(5_000, caller.signal));
    caller.abort(new CancelledError());
    expect(await left).toBeInstanceOf(CancelledError);
    expect(calls[2]?.context.signal.aborted).toBe(false);
    expect(breaker.state).toBe('half_open');
    calls[2]?.resolve({});
    await vi.waitFor(() => expect(breaker.state).toBe('closed'));
  });

  test('has all of its time, whatever its caller has', async () => {
    const { ask, open, calls, breaker } = setUp();
    await open();
    vi.setSystemTime(Date.now() + 100);
    const late = ask(within(10));
    expect(calls[2]?.context.deadlineAtMs).toBe(Date.now() + TIMEOUT_MS);
    vi.advanceTimersByTime(10);
    expect(await late).toBeInstanceOf(DeadlineExceededError);
    calls[2]?.reject(answered(status.DEADLINE_EXCEEDED));
    await vi.waitFor(() => expect(breaker.state).toBe('open'));
  });

  test('is never made for a caller that has left already', async () => {
    const { ask, open, calls } = setUp();
    await open();
    vi.setSystemTime(Date.now() + 100);
    expect(await ask(within(5_000, AbortSignal.abort(new CancelledError())))).toBeInstanceOf(CancelledError);
    expect(await ask(within(0))).toBeInstanceOf(DeadlineExceededError);
    expect(calls).toHaveLength(2);
  });
});

describe('a stream', () => {
  test('is refused while the breaker is open, and is never the probe', async () => {
    const { stream, open, streams, breaker } = setUp();
    await open();
    vi.setSystemTime(Date.now() + 10_000);
    expect(await stream().ended).toEqual(new UnavailableError('spicedb'));
    expect(streams).toHaveLength(0);
    expect(breaker.state).toBe('open');
  });

  test('that breaks counts', async () => {
    const { stream, streams, breaker } = setUp();
    for (let call = 0; call < 2; call += 1) {
      const { ended } = stream();
      streams.at(-1)?.onEnd(answered(status.UNAVAILABLE));
      expect(await ended).toBeInstanceOf(UnavailableError);
    }
    await vi.waitFor(() => expect(breaker.state).toBe('open'));
  });

  test('that we cancel does not count', async () => {
    const { stream, streams, breaker } = setUp();
    for (let call = 0; call < 10; call += 1) {
      const { ended } = stream();
      streams.at(-1)?.onEnd(answered(status.CANCELLED));
      await ended;
    }
    expect(breaker.state).toBe('closed');
  });
});

test('the retries of all calls together are bounded by their budget', async () => {
  vi.useRealTimers();
  await using fake = await startFakeSpiceDb({
    check: () => {
      throw new StatusError(status.UNAVAILABLE, 'down');
    },
  });
  const observer = createRecordingObserver();
  const clock = { nowMs: () => 0 };
  const retryBudget = createRetryBudget({ clock, observer }, { dependency: 'spicedb', ratio: 0.1, maxSaved: 5 });
  const client = createSpiceDbClient({ clock: SYSTEM_CLOCK, random: () => 0, retryBudget }, fake.options);
  try {
    for (let call = 0; call < 50; call += 1) {
      await expect(client.call(CHECK_PERMISSION, REQUEST, within(5_000), IDEMPOTENT)).rejects.toThrow(UnavailableError);
    }
  } finally {
    client.close();
  }
  const retries = fake.authorizations.length - 50;
  expect(retries).toBeGreaterThanOrEqual(8);
  expect(retries).toBeLessThanOrEqual(10);
  expect(observer.told.filter((what) => what === 'spicedb retry made')).toHaveLength(retries);
  expect(observer.told).toContain('spicedb retry refused');
});
