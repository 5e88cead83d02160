import type { DescMessage, DescMethodServerStreaming, DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { Streaming, Unary } from '../calls/procedure.ts';
import { callerPermissionOf } from './caller-permissions.ts';

/** One RPC, the same for every transport: `calls/pipeline.ts` runs it, the listeners carry it. */
export interface UnaryProcedure<I extends DescMessage = DescMessage, O extends DescMessage = DescMessage> extends Unary<
  MessageShape<I>,
  MessageShape<O>
> {
  readonly method: DescMethodUnary<I, O>;
}

/** An RPC with many answers to one request. */
export interface StreamProcedure<
  I extends DescMessage = DescMessage,
  O extends DescMessage = DescMessage,
> extends Streaming<MessageShape<I>, MessageShape<O>> {
  readonly method: DescMethodServerStreaming<I, O>;
}

export type Procedure = UnaryProcedure | StreamProcedure;

/** Keeps a procedure's own types while it is written, and forgets them for the list that the listeners take. */
export function defineUnary<I extends DescMessage, O extends DescMessage>({
  method,
  handle,
}: Pick<UnaryProcedure<I, O>, 'method' | 'handle'>): UnaryProcedure {
  const procedure: UnaryProcedure<I, O> = { method, name: method.name, permission: callerPermissionOf(method), handle };
  return procedure;
}

/** The same for a stream. */
export function defineStream<I extends DescMessage, O extends DescMessage>({
  method,
  handle,
}: Pick<StreamProcedure<I, O>, 'method' | 'handle'>): StreamProcedure {
  const procedure: StreamProcedure<I, O> = {
    method,
    name: method.name,
    permission: callerPermissionOf(method),
    handle,
  };
  return procedure;
}

/** Tells the two kinds apart. */
export function isStream(procedure: Procedure): procedure is StreamProcedure {
  return procedure.method.methodKind === 'server_streaming';
}
