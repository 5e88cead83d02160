import type { ParentLookup } from '../authorize/ports.ts';
import { inSpan, withSpan } from '../authorize/ports-spans.ts';

/** Shows a layer, and what is below it, in the trace of whoever asks. */
export function createTracedParents({ next }: { readonly next: ParentLookup }, name: string): ParentLookup {
  return {
    ...(next.peek === undefined ? {} : { peek: next.peek.bind(next) }),
    async lookup(keys, context, purpose) {
      if (context.span === undefined) return next.lookup(keys, context, purpose);
      return inSpan(context.span, { name }, async (span) => {
        span?.set({ 'taskgate.keys': keys.length });
        const results = await next.lookup(keys, withSpan(context, span), purpose);
        const failed = results.filter(({ kind }) => kind === 'failed').length;
        if (failed > 0) span?.set({ 'taskgate.failed': failed });
        return results;
      });
    },
  };
}
