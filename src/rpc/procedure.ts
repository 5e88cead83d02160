import type { DescMessage, DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { CallContext } from '../authorize/ports.ts';

/** What is known of a call beside its request. */
export interface CallIdentity {
  readonly decisionId: string;
  /** The name of the program that asks. */
  readonly caller: string;
}

/**
 * One RPC, the same for every transport: `pipeline.ts` runs it, the listeners carry it. `handle` validates, asks the use
 * case and converts.
 */
export interface UnaryProcedure<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly method: DescMethodUnary<I, O>;
  /** At once if nothing has to be waited for. */
  handle(
    request: MessageShape<I>,
    call: CallIdentity,
    context: CallContext,
  ): MessageShape<O> | Promise<MessageShape<O>>;
}

/** An RPC with many answers to one request; each is made when it is taken. */
export interface StreamProcedure<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> {
  readonly method: DescMethodServerStreaming<I, O>;
  handle(request: MessageShape<I>, call: CallIdentity, context: CallContext): AsyncIterable<MessageShape<O>>;
}

export type Procedure = UnaryProcedure | StreamProcedure;

/** Keeps a procedure's own types while it is written, and forgets them for the list that the listeners take. */
export function defineUnary<I extends DescMessage, O extends DescMessage>(
  procedure: UnaryProcedure<I, O>,
): UnaryProcedure {
  return procedure;
}

/** The same for a stream. */
export function defineStream<I extends DescMessage, O extends DescMessage>(
  procedure: StreamProcedure<I, O>,
): StreamProcedure {
  return procedure;
}

/** Tells the two kinds apart. */
export function isStream(procedure: Procedure): procedure is StreamProcedure {
  return procedure.method.methodKind === 'server_streaming';
}
