import type { ServedEndpoint } from './endpoint.ts';
import type { RequestHandler } from './http-server.ts';

/** Finds the endpoint of a request by its path, compared as it is; anything else is 404, or 405 with what would do. */
export function createRouter(endpoints: readonly ServedEndpoint[]): RequestHandler {
  const byPath = Map.groupBy(endpoints, ({ path }) => path);
  return (request, response) => {
    const target = request.url ?? '';
    const query = target.indexOf('?');
    const found = byPath.get(query === -1 ? target : target.slice(0, query));
    const endpoint = found?.find(({ method }) => method === 'any' || method === request.method);
    if (endpoint !== undefined) endpoint.handler(request, response);
    else if (found === undefined) response.writeHead(404).end();
    else {
      const allow = found.map(({ method }) => method).join(', ');
      response.writeHead(405, { ...found[0]?.commonHeaders?.(request), allow }).end();
    }
  };
}
