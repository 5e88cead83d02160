import type { Message } from '@bufbuild/protobuf';
import type { CallObserver, Clock, Transport } from '../authorize/ports.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { OverloadedError, toTaskgateError } from '../domain/errors.ts';
import { LazyCallContext } from './call-context.ts';
import type { WireStatus } from './error-table.ts';
import { toWireStatus } from './error-table.ts';
import type { Procedure } from './procedures.ts';

/** The response metadata that names the decision: random, of fixed length, on every answer alike. */
export const DECISION_ID_HEADER = 'taskgate-decision-id';

/** What a listener knows of a call, in no transport's terms. */
export interface IncomingCall {
  readonly transport: Transport;
  /** Random, of fixed length; the listener puts it into the metadata of its answer. */
  readonly decisionId: string;
  /** What the caller asked for, in milliseconds; undefined if it set no deadline. */
  readonly timeoutMs: number | undefined;
  /** Calls the listener when the caller is gone. */
  readonly onCancel: (listener: () => void) => void;
}

/** What a listener sends. An error's message is safe to send. */
export type Reply =
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'error'; readonly status: WireStatus; readonly error: TaskgateError };

/** Runs one procedure for one call. Never rejects. `parse` throws InvalidArgumentError if the bytes are no request. */
export type RunProcedure = (procedure: Procedure, parse: () => Message, call: IncomingCall) => Promise<Reply>;

export interface PipelineDeps {
  readonly clock: Clock;
  readonly observer: CallObserver;
}

export interface PipelineOptions {
  /** Given to a call that set no deadline, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** A longer deadline is clamped to this, in milliseconds. */
  readonly maxTimeoutMs: number;
  /** Calls under way at once; one more is refused at once with RESOURCE_EXHAUSTED. */
  readonly maxConcurrentCalls: number;
}

/** observe → bound → deadline → (procedure: validate → use case → convert), for every transport alike. */
export function createPipeline(deps: PipelineDeps, options: PipelineOptions): RunProcedure {
  let underWay = 0;

  async function handle(procedure: Procedure, parse: () => Message, call: IncomingCall): Promise<Message> {
    if (underWay >= options.maxConcurrentCalls) throw new OverloadedError();
    const timeoutMs = Math.min(call.timeoutMs ?? options.defaultTimeoutMs, options.maxTimeoutMs);
    using context = new LazyCallContext({ clock: deps.clock, timeoutMs, onCancel: call.onCancel });
    underWay += 1;
    try {
      return await procedure.handle(parse(), call.decisionId, context);
    } finally {
      underWay -= 1;
    }
  }

  return async (procedure, parse, call) => {
    const startedAtMs = deps.clock.nowMs();
    const ended = (code: number, error?: TaskgateError): void =>
      deps.observer.ended({
        method: procedure.method.name,
        transport: call.transport,
        code,
        durationMs: deps.clock.nowMs() - startedAtMs,
        decisionId: call.decisionId,
        ...(error === undefined ? {} : { error }),
      });
    try {
      const message = await handle(procedure, parse, call);
      ended(0);
      return { kind: 'message', message };
    } catch (thrown) {
      const error = toTaskgateError(thrown);
      const status = toWireStatus(error);
      ended(status.grpc, error);
      return { kind: 'error', status, error };
    }
  };
}
