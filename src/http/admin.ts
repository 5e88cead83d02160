import type { RequestHandler } from './http-server.ts';

/** What `/readyz` tells: whether to send calls here, and how each dependency is. */
export interface ReadinessReport {
  readonly ready: boolean;
  /** By dependency: `ok`, `degraded`, or what is wrong, in words that are safe to show. */
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface AdminDeps {
  readonly readiness: () => ReadinessReport;
  /** Prometheus exposition text. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly body: string }>;
}

/** The admin listener's probes and metrics: `/livez`, `/readyz`, `/metrics`. */
export function createAdminRoutes(deps: AdminDeps): RequestHandler {
  const routes: Readonly<Record<string, () => Promise<Answer> | Answer>> = {
    '/livez': () => toJson(200, { status: 'alive' }),
    '/readyz': () => {
      const { ready, dependencies } = deps.readiness();
      return toJson(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', dependencies });
    },
    '/metrics': async () => {
      const { contentType, body } = await deps.metrics();
      return { status: 200, contentType, body };
    },
  };
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const answer = async (): Promise<Answer> => {
      if (route === undefined)
        return toJson(404, { error: `no such page; there are ${Object.keys(routes).join(', ')}` });
      return isRead ? route() : { ...toJson(405, { error: 'only GET and HEAD' }), headers: { allow: 'GET, HEAD' } };
    };
    void answer()
      .catch(() => toJson(500, { error: 'internal error' }))
      .then(({ status, contentType, headers, body }) => {
        response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store', ...headers });
        response.end(body);
      });
  };
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

function toJson(status: number, value: unknown): Answer {
  return { status, contentType: 'application/json', body: `${JSON.stringify(value)}\n` };
}
