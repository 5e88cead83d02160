import type { Message } from '@bufbuild/protobuf';
import type { CallObserver, Clock, Transport } from '../authorize/ports.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { CancelledError, OverloadedError, toTaskgateError } from '../domain/errors.ts';
import { LazyCallContext } from './call-context.ts';
import type { CallPlacesOptions } from './call-places.ts';
import { createCallPlaces } from './call-places.ts';
import type { WireStatus } from './error-table.ts';
import { toWireStatus } from './error-table.ts';
import type { Procedure, StreamProcedure, UnaryProcedure } from './procedure.ts';

/** The response metadata that names the decision: random, of fixed length, on every answer alike. */
export const DECISION_ID_HEADER = 'taskgate-decision-id';

const OK = 0;

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

/** Decodes the request; throws InvalidArgumentError if the bytes are none. */
export type ParseRequest = () => Message;

/** Runs procedures for the listeners. */
export interface Pipeline {
  /** Never rejects. At once if nothing has to be waited for. */
  run(procedure: UnaryProcedure, parse: ParseRequest, call: IncomingCall): Reply | Promise<Reply>;
  /** Makes each message when it is taken. Throws TaskgateErrors only, after which nothing comes. */
  stream(procedure: StreamProcedure, parse: ParseRequest, call: IncomingCall): AsyncGenerator<Message, void>;
}

export interface PipelineDeps {
  readonly clock: Clock;
  readonly observer: CallObserver;
}

export interface PipelineOptions extends CallPlacesOptions {
  /** Given to a unary call that set no deadline, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** A longer deadline of a unary call is clamped to this, in milliseconds. */
  readonly maxTimeoutMs: number;
  /** The same for streams, and given to those that set no deadline, in milliseconds. */
  readonly maxStreamTimeoutMs: number;
}

/** observe → bound → deadline → (procedure: validate → use case → convert), for every transport alike. */
export function createPipeline({ clock, observer }: PipelineDeps, options: PipelineOptions): Pipeline {
  const places = createCallPlaces(options);

  /** What bounds a call that has a place or may wait for one, from now on. */
  function open({ onCancel }: IncomingCall, timeoutMs: number): LazyCallContext {
    if (places.isFull()) throw new OverloadedError();
    return new LazyCallContext({ clock, timeoutMs, onCancel });
  }

  /** Times a call from here; the result tells the observer how it ended. */
  function observe(procedure: Procedure, call: IncomingCall): (code: number, error?: TaskgateError) => void {
    const startedAtMs = clock.nowMs();
    return (code, error) =>
      observer.ended({
        method: procedure.method.name,
        transport: call.transport,
        code,
        durationMs: clock.nowMs() - startedAtMs,
        decisionId: call.decisionId,
        ...(error === undefined ? {} : { error }),
      });
  }

  function handle(procedure: UnaryProcedure, parse: ParseRequest, call: IncomingCall): Message | Promise<Message> {
    const context = open(call, Math.min(call.timeoutMs ?? options.defaultTimeoutMs, options.maxTimeoutMs));
    return places.tryTake()
      ? handleNow(procedure, parse, call, context)
      : handleInTurn(procedure, parse, call, context);
  }

  /** With a place, which it gives back. */
  function handleNow(procedure: UnaryProcedure, parse: ParseRequest, call: IncomingCall, context: LazyCallContext) {
    const end = (): void => {
      context[Symbol.dispose]();
      places.give();
    };
    let message: Message | Promise<Message> | undefined;
    try {
      message = procedure.handle(parse(), call.decisionId, context);
      return message instanceof Promise ? message.finally(end) : message;
    } finally {
      if (!(message instanceof Promise)) end();
    }
  }

  async function handleInTurn(
    procedure: UnaryProcedure,
    parse: ParseRequest,
    call: IncomingCall,
    context: LazyCallContext,
  ): Promise<Message> {
    using _ = context;
    await places.take(context.signal);
    return await handleNow(procedure, parse, call, context);
  }

  async function* handleStream(procedure: StreamProcedure, parse: ParseRequest, call: IncomingCall) {
    using context = open(call, Math.min(call.timeoutMs ?? Number.POSITIVE_INFINITY, options.maxStreamTimeoutMs));
    await places.take(context.signal);
    try {
      for await (const message of procedure.handle(parse(), call.decisionId, context)) {
        context.signal.throwIfAborted();
        yield message;
      }
    } finally {
      places.give();
    }
  }

  return {
    run(procedure, parse, call) {
      const ended = observe(procedure, call);
      const succeed = (message: Message): Reply => {
        ended(OK);
        return { kind: 'message', message };
      };
      const fail = (thrown: unknown): Reply => {
        const error = toTaskgateError(thrown);
        const status = toWireStatus(error);
        ended(status.grpc, error);
        return { kind: 'error', status, error };
      };
      try {
        const message = handle(procedure, parse, call);
        return message instanceof Promise ? message.then(succeed, fail) : succeed(message);
      } catch (thrown) {
        return fail(thrown);
      }
    },
    async *stream(procedure, parse, call) {
      const ended = observe(procedure, call);
      // What is left at the end is a caller who took no more.
      let failure: TaskgateError | undefined = new CancelledError();
      try {
        yield* handleStream(procedure, parse, call);
        failure = undefined;
      } catch (thrown) {
        failure = toTaskgateError(thrown);
        throw failure;
      } finally {
        if (failure === undefined) ended(OK);
        else ended(toWireStatus(failure).grpc, failure);
      }
    },
  };
}
