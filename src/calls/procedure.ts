import type { AskedBy, CallContext } from '../authorize/ports.ts';
import type { CallerPermission } from '../domain/caller.ts';

/** What is known of a call beside its request. */
export type CallIdentity = AskedBy;

/** What the log and counters call a procedure, and who may call it. */
interface ProcedureInfo {
  /** From a closed set. */
  readonly name: string;
  readonly permission: CallerPermission;
}

/** What a listener lets callers call: one request, one answer. `handle` validates, asks the use case and converts. */
export interface Unary<Request, Answer> extends ProcedureInfo {
  /** At once if nothing has to be waited for. */
  handle(request: Request, call: CallIdentity, context: CallContext): Answer | Promise<Answer>;
}

/** The same with many answers to one request; each is made when it is taken. */
export interface Streaming<Request, Answer> extends ProcedureInfo {
  handle(request: Request, call: CallIdentity, context: CallContext): AsyncIterable<Answer>;
}
