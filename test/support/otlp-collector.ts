import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** One request that a collector was sent. */
export interface OtlpRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

export interface OtlpCollector extends AsyncDisposable {
  readonly endpoint: string;
  readonly requests: readonly OtlpRequest[];
}

/** Takes OTLP over HTTP and keeps it. With `hangs` it takes connections, and never answers. */
export async function startOtlpCollector({ hangs = false }: { readonly hangs?: boolean } = {}): Promise<OtlpCollector> {
  const requests: OtlpRequest[] = [];
  const server = createServer((request, response) => {
    if (hangs) return;
    void text(request).then((body) => {
      requests.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(body) });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
}

/** All spans that a collector was sent. */
export function spansOf({ requests }: OtlpCollector): readonly CollectedSpan[] {
  interface Traces {
    readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly CollectedSpan[] }[] }[];
  }
  return requests
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => (body as Traces).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans);
}
