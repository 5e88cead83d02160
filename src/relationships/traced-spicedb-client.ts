import { inSpan, withSpan } from '../authorize/ports-spans.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import type { Method } from './spicedb-methods.ts';

/**
 * Shows each call of SpiceDB in the trace that it is a part of, from its beginning to its end. The client tells SpiceDB of it.
 * A stream says how many items came; one that its reader has left, before it was over, says that too.
 */
export function createTracedSpiceDbClient({ client }: { readonly client: SpiceDbClient }): SpiceDbClient {
  return {
    async call(method, request, context, options) {
      if (context.span === undefined) return client.call(method, request, context, options);
      return inSpan(context.span, { name: nameOf(method), kind: 'client' }, async (span) => {
        span?.set(RPC);
        return client.call(method, request, withSpan(context, span), options);
      });
    },
    stream(method, request, context, events) {
      if (context.span === undefined) return client.stream(method, request, context, events);
      const span = context.span.child(nameOf(method), 'client');
      let items = 0;
      let isOver = false;
      const finish = (attributes: Readonly<Record<string, boolean>>, problem?: string): void => {
        if (isOver) return;
        isOver = true;
        span.set({ ...RPC, 'taskgate.items': items, ...attributes });
        span.end(problem);
      };
      const { signal } = context;
      const stream = client.stream(
        method,
        request,
        { signal, span },
        {
          onMessage(message) {
            if (!isOver) items += itemsIn(message);
            events.onMessage(message);
          },
          onEnd(error) {
            finish({}, error?.name);
            events.onEnd(error);
          },
        },
      );
      return {
        cancel() {
          // Readers cancel what is over as well.
          finish({ 'taskgate.stopped': true });
          stream.cancel();
        },
      };
    },
    close: () => client.close(),
  };
}

const RPC = { 'rpc.system': 'grpc' } as const;

function nameOf({ path }: Pick<Method<object, object>, 'path'>): string {
  return path.slice(1);
}

/** An export has many relationships in a message; whatever else is streamed is one item. */
function itemsIn(message: object): number {
  return 'relationships' in message && Array.isArray(message.relationships) ? message.relationships.length : 1;
}
