import type { CallObserver, Clock, Transport } from '../authorize/ports.ts';
import type { AuthenticateCaller, CallerCredentials } from '../authorize/ports-callers.ts';
import type { Caller } from '../domain/caller.ts';
import type { TaskgateError } from '../domain/errors.ts';
import { CallerPermissionError, CancelledError, OverloadedError, toTaskgateError } from '../domain/errors.ts';
import { LazyCallContext } from './call-context.ts';
import type { CallPlacesOptions } from './call-places.ts';
import { createCallPlaces } from './call-places.ts';
import type { WireStatus } from './error-table.ts';
import { toWireStatus } from './error-table.ts';
import type { CallIdentity, Streaming, Unary } from './procedure.ts';

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
  readonly credentials: CallerCredentials;
  /** Calls the listener when the caller is gone. */
  readonly onCancel: (listener: () => void) => void;
}

/** What a listener sends. An error's message is safe to send. */
export type Reply<Answer> =
  | { readonly kind: 'message'; readonly message: Answer }
  | { readonly kind: 'error'; readonly status: WireStatus; readonly error: TaskgateError };

/** Decodes the request; throws InvalidArgumentError if the bytes are none. */
export type ParseRequest<Request> = () => Request;

/** What is needed of a procedure to name it and to know who may call it. */
type AnyProcedure = Pick<Unary<never, unknown>, 'name' | 'permission'>;

/** Runs procedures for the listeners. */
export interface Pipeline {
  /**
   * For a listener that can look at a call before it reads the request: the error of a caller who may not make it, or
   * undefined. The others look again, at no cost to speak of.
   */
  refuse(procedure: AnyProcedure, call: IncomingCall): Extract<Reply<never>, { kind: 'error' }> | undefined;
  /** Never rejects. At once if nothing has to be waited for. */
  run<Request, Answer>(
    procedure: Unary<Request, Answer>,
    parse: ParseRequest<Request>,
    call: IncomingCall,
  ): Reply<Answer> | Promise<Reply<Answer>>;
  /** Makes each message when it is taken. Throws TaskgateErrors only, after which nothing comes. */
  stream<Request, Answer>(
    procedure: Streaming<Request, Answer>,
    parse: ParseRequest<Request>,
    call: IncomingCall,
  ): AsyncGenerator<Answer, void>;
}

export interface PipelineDeps {
  readonly clock: Clock;
  readonly observer: CallObserver;
  readonly authenticate: AuthenticateCaller;
}

export interface PipelineOptions extends CallPlacesOptions {
  /** Given to a unary call that set no deadline, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** A longer deadline of a unary call is clamped to this, in milliseconds. */
  readonly maxTimeoutMs: number;
  /** The same for streams, and given to those that set no deadline, in milliseconds. */
  readonly maxStreamTimeoutMs: number;
}

/** One call, from its start on, as the observer will be told of it. */
interface Observation {
  /** Set once the caller is known. */
  caller: Caller | undefined;
  end(code: number, error?: TaskgateError): void;
}

/** observe → bound → deadline → authenticate caller → (procedure: validate → use case → convert), for every transport alike. */
export function createPipeline({ clock, observer, authenticate }: PipelineDeps, options: PipelineOptions): Pipeline {
  const places = createCallPlaces(options);

  /** What bounds a call that has a place or may wait for one, from now on. */
  function open({ onCancel }: IncomingCall, timeoutMs: number): LazyCallContext {
    if (places.isFull()) throw new OverloadedError();
    return new LazyCallContext({ clock, timeoutMs, onCancel });
  }

  /** Times a call from here. */
  function observe(procedure: AnyProcedure, call: IncomingCall): Observation {
    const startedAtMs = clock.nowMs();
    const observation: Observation = {
      caller: undefined,
      end: (code, error) =>
        observer.ended({
          method: procedure.name,
          transport: call.transport,
          code,
          durationMs: clock.nowMs() - startedAtMs,
          decisionId: call.decisionId,
          ...(observation.caller === undefined ? {} : { caller: observation.caller.name }),
          ...(error === undefined ? {} : { error }),
        }),
    };
    return observation;
  }

  /** Before anything of the request is looked at, so that a refusal tells nothing of what was asked. */
  function admit({ permission }: AnyProcedure, call: IncomingCall, observation: Observation): CallIdentity {
    const caller = authenticate(call.credentials);
    observation.caller = caller;
    if (!caller.permissions.has(permission)) throw new CallerPermissionError(permission);
    return { decisionId: call.decisionId, caller: caller.name };
  }

  function fail(thrown: unknown, observation: Observation): Extract<Reply<never>, { kind: 'error' }> {
    const error = toTaskgateError(thrown);
    const status = toWireStatus(error);
    observation.end(status.grpc, error);
    return { kind: 'error', status, error };
  }

  function handle<Request, Answer>(
    procedure: Unary<Request, Answer>,
    parse: ParseRequest<Request>,
    call: IncomingCall,
    observation: Observation,
  ): Answer | Promise<Answer> {
    const context = open(call, Math.min(call.timeoutMs ?? options.defaultTimeoutMs, options.maxTimeoutMs));
    const identity = admit(procedure, call, observation);
    const work = (): Answer | Promise<Answer> => procedure.handle(parse(), identity, context);
    return places.tryTake() ? handleNow(work, context) : handleInTurn(work, context);
  }

  /** With a place, which it gives back. */
  function handleNow<Answer>(work: () => Answer | Promise<Answer>, context: LazyCallContext): Answer | Promise<Answer> {
    const end = (): void => {
      context[Symbol.dispose]();
      places.give();
    };
    let message: Answer | Promise<Answer> | undefined;
    try {
      message = work();
      // Not `finally`, which makes two more promises of each call.
      return message instanceof Promise
        ? message.then(
            (answer: Answer) => {
              end();
              return answer;
            },
            (error: unknown) => {
              end();
              throw error;
            },
          )
        : message;
    } finally {
      if (!(message instanceof Promise)) end();
    }
  }

  async function handleInTurn<Answer>(work: () => Answer | Promise<Answer>, context: LazyCallContext): Promise<Answer> {
    using _ = context;
    await places.take(context.signal);
    return await handleNow(work, context);
  }

  async function* handleStream<Request, Answer>(
    procedure: Streaming<Request, Answer>,
    parse: ParseRequest<Request>,
    call: IncomingCall,
    observation: Observation,
  ) {
    using context = open(call, Math.min(call.timeoutMs ?? Number.POSITIVE_INFINITY, options.maxStreamTimeoutMs));
    const identity = admit(procedure, call, observation);
    await places.take(context.signal);
    try {
      for await (const message of procedure.handle(parse(), identity, context)) {
        context.signal.throwIfAborted();
        yield message;
      }
    } finally {
      places.give();
    }
  }

  return {
    refuse(procedure, call) {
      const observation = observe(procedure, call);
      try {
        admit(procedure, call, observation);
        return undefined;
      } catch (thrown) {
        return fail(thrown, observation);
      }
    },
    run<Request, Answer>(procedure: Unary<Request, Answer>, parse: ParseRequest<Request>, call: IncomingCall) {
      const observation = observe(procedure, call);
      const succeed = (message: Answer): Reply<Answer> => {
        observation.end(OK);
        return { kind: 'message', message };
      };
      try {
        const message = handle(procedure, parse, call, observation);
        return message instanceof Promise
          ? message.then(succeed, (thrown: unknown) => fail(thrown, observation))
          : succeed(message);
      } catch (thrown) {
        return fail(thrown, observation);
      }
    },
    async *stream(procedure, parse, call) {
      const observation = observe(procedure, call);
      // What is left at the end is a caller who took no more.
      let failure: TaskgateError | undefined = new CancelledError();
      try {
        yield* handleStream(procedure, parse, call, observation);
        failure = undefined;
      } catch (thrown) {
        failure = toTaskgateError(thrown);
        throw failure;
      } finally {
        if (failure === undefined) observation.end(OK);
        else observation.end(toWireStatus(failure).grpc, failure);
      }
    },
  };
}
