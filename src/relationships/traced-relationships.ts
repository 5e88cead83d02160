import type { Relationships } from '../authorize/ports.ts';
import { inSpan, withSpan } from '../authorize/ports-spans.ts';

/** Shows what goes past the decision cache in the trace of whoever asks. */
export function createTracedRelationships({ inner }: { readonly inner: Relationships }): Relationships {
  return {
    async check(checks, consistency, context) {
      if (context.span === undefined) return inner.check(checks, consistency, context);
      return inSpan(context.span, { name: 'relationships' }, async (span) => {
        span?.set({ 'taskgate.checks': checks.length, 'taskgate.consistency': consistency.kind });
        return inner.check(checks, consistency, withSpan(context, span));
      });
    },
  };
}
