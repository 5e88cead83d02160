/** One piece of the work of a call that is traced. A call that is not traced has none, and pays for none. */
export interface Span {
  readonly traceId: string;
  /** The headers that tell another service of it (W3C Trace Context). */
  readonly headers: Readonly<Record<string, string>>;
  /** A part of this work. `client`: another service does it. */
  child(name: string, kind: 'internal' | 'client'): Span;
  /** Work that is done for this span and others at once: the child of none, linked with all of them both ways. */
  shared(name: string, others: readonly Span[]): Span;
  /** Says which work this one waited for. */
  link(other: Span): void;
  set(attributes: Readonly<Record<string, string | number | boolean>>): void;
  /** Once. `problem`: in our words. */
  end(problem?: string): void;
}

/** What a listener knows of the trace that a call belongs to. */
export interface IncomingTrace {
  /** A header, or gRPC metadata, by its name in lower case; undefined if it is not there. */
  readonly header: (name: string) => string | undefined;
}

export interface Tracer {
  /** Undefined if the call is not traced: that is known before anything is made for it. */
  startCall(name: string, incoming: IncomingTrace): Span | undefined;
}
