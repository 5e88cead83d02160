import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import type { EndedCall } from '../../src/authorize/ports.ts';
import { LOCAL_CALLER } from '../../src/domain/caller.ts';
import { OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import {
  AuthorizationService,
  CheckTaskRequestSchema,
  CheckTaskResponseSchema,
} from '../../src/gen/taskgate/v1/authorization_pb.js';
import type { IncomingCall } from '../../src/calls/pipeline.ts';
import { createPipeline } from '../../src/calls/pipeline.ts';
import type { UnaryProcedure } from '../../src/rpc/procedure.ts';
import { defineUnary } from '../../src/rpc/procedure.ts';

const request = create(CheckTaskRequestSchema);
const response = create(CheckTaskResponseSchema);
const credentials: IncomingCall['credentials'] = { peer: { kind: 'anonymous' }, authorization: () => undefined };
const method = AuthorizationService.method.checkTask;

function setUp(handle: UnaryProcedure['handle'], { maxConcurrentCalls = 10, maxQueuedCalls = 0 } = {}) {
  const ended: EndedCall[] = [];
  const pipeline = createPipeline(
    {
      clock: { nowMs: () => 1_000 },
      observer: { ended: (call) => ended.push(call) },
      authenticate: () => LOCAL_CALLER,
    },
    { defaultTimeoutMs: 200, maxTimeoutMs: 500, maxStreamTimeoutMs: 800, maxConcurrentCalls, maxQueuedCalls },
  );
  const call = (timeoutMs?: number, onCancel: IncomingCall['onCancel'] = () => {}) =>
    pipeline.run({ ...defineUnary({ method, handle: async () => response }), handle }, () => request, {
      transport: 'grpc',
      decisionId: 'id',
      timeoutMs,
      credentials,
      onCancel,
    });
  return { call, ended };
}

describe('the procedure pipeline', () => {
  it.each([
    ['gives a call without a deadline the default', undefined, 1_200],
    ['keeps a shorter deadline', 50, 1_050],
    ['clamps a longer deadline', 60_000, 1_500],
  ])('%s', async (_, timeoutMs, deadlineAtMs) => {
    let seen = 0;
    const { call } = setUp(async (_request, _id, context) => {
      seen = context.deadlineAtMs;
      return response;
    });
    expect(await call(timeoutMs)).toMatchObject({ kind: 'message' });
    expect(seen).toBe(deadlineAtMs);
  });

  it('aborts the signal with a deadline error when time is up, and with a cancellation when the caller is gone', async () => {
    const waits: UnaryProcedure['handle'] = async (_request, _id, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    expect(await setUp(waits).call(1)).toMatchObject({ kind: 'error', error: { name: 'DeadlineExceededError' } });

    let leave = (): void => {};
    const left = setUp(waits).call(undefined, (listener) => {
      leave = listener;
    });
    leave();
    expect(await left).toMatchObject({ kind: 'error', error: { name: 'CancelledError' } });
  });

  it('refuses at once what is over the bound, and takes calls again when one has ended', async () => {
    const gate = Promise.withResolvers<typeof response>();
    const { call } = setUp(async () => gate.promise, { maxConcurrentCalls: 1 });
    const first = call();
    expect(await call()).toMatchObject({ kind: 'error', error: expect.any(OverloadedError) as Error });
    gate.resolve(response);
    expect(await first).toMatchObject({ kind: 'message' });
    expect(await call()).toMatchObject({ kind: 'message' });
  });

  it('has calls over the bound wait in order, and refuses at once what is over the queue', async () => {
    const gates = [1, 2, 3].map(() => Promise.withResolvers<typeof response>());
    let begun = 0;
    const { call, ended } = setUp(async () => gates[begun++]?.promise ?? response, {
      maxConcurrentCalls: 1,
      maxQueuedCalls: 2,
    });
    const calls = [call(), call(), call()];
    expect(call()).toMatchObject({ kind: 'error', status: { grpc: 8 }, error: expect.any(OverloadedError) as Error });
    for (const [index, gate] of gates.entries()) {
      expect(begun).toBe(index + 1);
      gate.resolve(response);
      expect(await calls[index]).toMatchObject({ kind: 'message' });
    }
    expect(ended.map(({ code }) => code)).toEqual([8, 0, 0, 0]);
  });

  it('lets a call wait no longer than its deadline, nor after its caller is gone', async () => {
    const gate = Promise.withResolvers<typeof response>();
    const { call } = setUp(async () => gate.promise, { maxConcurrentCalls: 1, maxQueuedCalls: 2 });
    const first = call();
    let leave = (): void => {};
    const left = call(undefined, (listener) => {
      leave = listener;
    });
    expect(await call(1)).toMatchObject({ kind: 'error', error: { name: 'DeadlineExceededError' } });
    leave();
    expect(await left).toMatchObject({ kind: 'error', error: { name: 'CancelledError' } });
    gate.resolve(response);
    expect(await first).toMatchObject({ kind: 'message' });
    expect(await call()).toMatchObject({ kind: 'message' });
  });

  it('answers without a promise where nothing waits, and has the place back at once', () => {
    const { call } = setUp(() => response, { maxConcurrentCalls: 1 });
    expect([call(), call()]).toMatchObject([{ kind: 'message' }, { kind: 'message' }]);
  });

  it('turns whatever is thrown into an error without its text, and tells the observer the cause', async () => {
    const { call, ended } = setUp(async () => {
      throw new Error('canary');
    });
    const reply = await call();
    expect(reply).toMatchObject({ kind: 'error', status: { grpc: 13, connect: 13 } });
    expect(reply.kind === 'error' && reply.error.message).not.toContain('canary');
    expect(ended).toMatchObject([{ method: 'CheckTask', code: 13, error: { cause: { message: 'canary' } } }]);
  });

  it('keeps the code of a known error', async () => {
    const { call } = setUp(async () => {
      throw new UnavailableError('spicedb');
    });
    expect(await call()).toMatchObject({ kind: 'error', status: { grpc: 14, connect: 14 } });
  });
});
