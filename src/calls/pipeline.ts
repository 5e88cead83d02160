import type { CallContext, CallObserver, Clock, Transport } from '../authorize/ports.ts';
import type { AuthenticateCaller, CallerCredentials } from '../authorize/ports-callers.ts';
import type { Span, Tracer } from '../authorize/ports-tracing.ts';
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
  onCancel(listener: () => void): void;
  /** A header or metadata by its name in lower case; where there is more than one, none. Default: there are none. */
  header?(name: string): string | undefined;
}

/** What a listener sends. An error's message is safe to send. */
export type Reply<Answer> =
  | { readonly kind: 'message'; readonly message: Answer }
  | { readonly kind: 'error'; readonly status: WireStatus; readonly error: TaskgateError };

/** Decodes the request, later if it has to be unpacked; throws InvalidArgumentError if the bytes are none. */
export type ParseRequest<Request> = (context: CallContext) => Request | Promise<Request>;

/** What is needed of a procedure to name it and to know who may call it. */
type AnyProcedure = Pick<Unary<never, unknown>, 'name' | 'permission'>;

/** How many calls a listener has. */
export interface PipelineLoad {
  readonly executing: number;
  /** They wait for a place. */
  readonly queued: number;
}

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
  /** Milliseconds of a clock that never goes back, with fractions. Default `performance.now`. */
  readonly stopwatchMs?: () => number;
  /** Default: no call is traced. */
  readonly tracer?: Tracer | undefined;
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
  readonly name: string;
  readonly call: IncomingCall;
  readonly startedAtMs: number;
  /** Set once the caller is known. */
  caller: Caller | undefined;
  /** Undefined if the call is not traced. */
  readonly span: Span | undefined;
}

/** One call, and what it may take. */
interface Work<Request, Answer> {
  readonly procedure: Unary<Request, Answer>;
  readonly parse: ParseRequest<Request>;
  readonly identity: CallIdentity;
  readonly context: LazyCallContext;
}

/** observe → bound → deadline → authenticate caller → (procedure: validate → use case → convert), for every transport alike. */
export function createPipeline(
  { clock, observer, authenticate, tracer, stopwatchMs = () => performance.now() }: PipelineDeps,
  options: PipelineOptions,
): Pipeline & { load(): PipelineLoad } {
  const places = createCallPlaces(options);

  /** What bounds a call that has a place or may wait for one, from now on. */
  function open(call: IncomingCall, timeoutMs: number, span: Span | undefined): LazyCallContext {
    if (places.isFull()) throw new OverloadedError();
    return new LazyCallContext({ clock, timeoutMs, call, span });
  }

  /** Times a call from here. */
  function observe({ name }: AnyProcedure, call: IncomingCall, span?: Span): Observation {
    return { name, call, startedAtMs: stopwatchMs(), caller: undefined, span };
  }

  function end({ name, call, startedAtMs, caller, span }: Observation, code: number, error?: TaskgateError): void {
    observer.ended({
      method: name,
      transport: call.transport,
      code,
      durationMs: stopwatchMs() - startedAtMs,
      decisionId: call.decisionId,
      caller: caller?.name,
      traceId: span?.traceId,
      error,
    });
    if (span !== undefined) endSpan(span, call, { caller, code, error });
  }

  function trace({ name }: AnyProcedure, call: IncomingCall): Span | undefined {
    if (tracer === undefined || call.header === undefined) return undefined;
    return tracer.startCall(name, { header: (wanted) => call.header?.(wanted) });
  }

  /** Before anything of the request is looked at, so that a refusal tells nothing of what was asked. */
  function admit({ permission }: AnyProcedure, call: IncomingCall, observation: Observation): CallIdentity {
    const caller = authenticate(call.credentials);
    observation.caller = caller;
    if (!caller.permissions.has(permission)) throw new CallerPermissionError(permission);
    return {
      decisionId: call.decisionId,
      caller: caller.name,
      startedAtMs: observation.startedAtMs,
      traceId: observation.span?.traceId,
    };
  }

  function fail(thrown: unknown, observation: Observation): Extract<Reply<never>, { kind: 'error' }> {
    const error = toTaskgateError(thrown);
    const status = toWireStatus(error);
    end(observation, status.grpc, error);
    return { kind: 'error', status, error };
  }

  function handle<Request, Answer>(
    procedure: Unary<Request, Answer>,
    parse: ParseRequest<Request>,
    call: IncomingCall,
    observation: Observation,
  ): Answer | Promise<Answer> {
    const context = open(
      call,
      Math.min(call.timeoutMs ?? options.defaultTimeoutMs, options.maxTimeoutMs),
      observation.span,
    );
    const identity = admit(procedure, call, observation);
    const work: Work<Request, Answer> = { procedure, parse, identity, context };
    return places.tryTake() ? handleNow(work) : handleInTurn(work);
  }

  function leave(context: LazyCallContext): void {
    context[Symbol.dispose]();
    places.give();
  }

  /** With a place, which it gives back. */
  function handleNow<Request, Answer>(work: Work<Request, Answer>): Answer | Promise<Answer> {
    const { procedure, parse, identity, context } = work;
    let message: Answer | Promise<Answer> | undefined;
    try {
      const request = parse(context);
      message =
        request instanceof Promise
          ? request.then(async (parsed: Request) => procedure.handle(parsed, identity, context))
          : procedure.handle(request, identity, context);
      // Not `finally`, which makes two more promises of each call.
      return message instanceof Promise
        ? message.then(
            (answer: Answer) => {
              leave(context);
              return answer;
            },
            (error: unknown) => {
              leave(context);
              throw error;
            },
          )
        : message;
    } finally {
      if (!(message instanceof Promise)) leave(context);
    }
  }

  async function handleInTurn<Request, Answer>(work: Work<Request, Answer>): Promise<Answer> {
    using context = work.context;
    await places.take(context.signal);
    return await handleNow(work);
  }

  async function* handleStream<Request, Answer>(
    procedure: Streaming<Request, Answer>,
    parse: ParseRequest<Request>,
    call: IncomingCall,
    observation: Observation,
  ) {
    using context = open(
      call,
      Math.min(call.timeoutMs ?? Number.POSITIVE_INFINITY, options.maxStreamTimeoutMs),
      observation.span,
    );
    const identity = admit(procedure, call, observation);
    await places.take(context.signal);
    try {
      for await (const message of procedure.handle(await parse(context), identity, context)) {
        context.signal.throwIfAborted();
        yield message;
      }
    } finally {
      places.give();
    }
  }

  return {
    load: () => places.load(),
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
      const observation = observe(procedure, call, trace(procedure, call));
      const succeed = (message: Answer): Reply<Answer> => {
        end(observation, OK);
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
      const observation = observe(procedure, call, trace(procedure, call));
      // What is left at the end is a caller who took no more.
      let failure: TaskgateError | undefined = new CancelledError();
      try {
        yield* handleStream(procedure, parse, call, observation);
        failure = undefined;
      } catch (thrown) {
        failure = toTaskgateError(thrown);
        throw failure;
      } finally {
        if (failure === undefined) end(observation, OK);
        else end(observation, toWireStatus(failure).grpc, failure);
      }
    },
  };
}

function endSpan(
  span: Span,
  { transport, decisionId }: IncomingCall,
  {
    caller,
    code,
    error,
  }: Pick<Observation, 'caller'> & {
    readonly code: number;
    readonly error: TaskgateError | undefined;
  },
): void {
  span.set({
    'rpc.grpc.status_code': code,
    'taskgate.transport': transport,
    'taskgate.decision_id': decisionId,
    ...(caller === undefined ? {} : { 'taskgate.caller': caller.name }),
  });
  span.end(error?.name);
}
