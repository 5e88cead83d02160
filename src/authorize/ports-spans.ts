import type { CallContext } from './ports.ts';
import type { Span } from './ports-tracing.ts';

/** Runs the work with a span of its own, if there is a span that it is a part of. The span ends with the work. */
export async function inSpan<Result>(
  parent: Span | undefined,
  { name, kind = 'internal' }: { readonly name: string; readonly kind?: 'internal' | 'client' },
  work: (span: Span | undefined) => Promise<Result>,
): Promise<Result> {
  if (parent === undefined) return work(undefined);
  const span = parent.child(name, kind);
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (error) {
    span.end(error instanceof Error ? error.name : 'failed');
    throw error;
  }
}

/** The same bounds for a part of the work. A context may make its signal only when it is first asked for one. */
export function withSpan(context: CallContext, span: Span | undefined): CallContext {
  return {
    get signal() {
      return context.signal;
    },
    deadlineAtMs: context.deadlineAtMs,
    span,
  };
}
