import { inSpan, withSpan } from '../authorize/ports-spans.ts';
import type { SpiceDbClient } from './spicedb-client.ts';

/** Shows each call of SpiceDB in the trace that it is a part of. The client tells SpiceDB of it. */
export function createTracedSpiceDbClient({ client }: { readonly client: SpiceDbClient }): SpiceDbClient {
  return {
    async call(method, request, context, options) {
      if (context.span === undefined) return client.call(method, request, context, options);
      const name = method.path.slice(1);
      return inSpan(context.span, { name, kind: 'client' }, async (span) => {
        span?.set({ 'rpc.system': 'grpc' });
        return client.call(method, request, withSpan(context, span), options);
      });
    },
    stream: (method, request, signal, events) => client.stream(method, request, signal, events),
    close: () => client.close(),
  };
}
