import type { FindRoute, GatewayBody, GatewayRequest } from '../../src/authorize/ports-gateway.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { parseYaml } from '../../src/config/parse-yaml.ts';
import type { FindRouteOptions } from '../../src/routes/find-route.ts';
import { createFindRoute } from '../../src/routes/find-route.ts';
import { parseRouteTable } from '../../src/routes/parse-route-table.ts';
import type { Route } from '../../src/routes/route.ts';
import { expectValid } from '../config/support.ts';

/** The types that are there without any configuration. */
export const TYPES = expectValid(loadConfig({ env: {}, readFile: () => '' }, { mode: 'demo' })).types;

/** The tree of a YAML text. */
export function toTree(yaml: string): unknown {
  const parsed = parseYaml(yaml);
  if (parsed.kind === 'malformed') throw new Error(parsed.messages.join('\n'));
  return parsed.value;
}

/** The routes of a YAML list, which must be valid. */
export function toRoutes(yaml: string): readonly Route[] {
  const parsed = parseRouteTable(toTree(yaml), TYPES);
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.problems));
  return parsed.routes;
}

export function toFindRoute(yaml: string, options: FindRouteOptions = {}): FindRoute {
  return createFindRoute(toRoutes(yaml), options);
}

export interface AskedRequest {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A text, bytes, or what a gateway says in place of them. Default: no body is sent. */
  readonly body?: string | Uint8Array | GatewayBody;
}

/** `GET /path` as a gateway describes it; with a body that is a text it is JSON. */
export function toRequest(
  line: string,
  { headers = {}, body = { kind: 'unknown' } }: AskedRequest = {},
): GatewayRequest {
  const space = line.indexOf(' ');
  const content = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
  return {
    method: line.slice(0, space),
    target: line.slice(space + 1),
    headers: new Map(Object.entries({ ...content, ...headers }).map(([name, value]) => [name, [value].flat()])),
    body:
      typeof body === 'string'
        ? { kind: 'bytes', bytes: Buffer.from(body) }
        : body instanceof Uint8Array
          ? { kind: 'bytes', bytes: body }
          : body,
  };
}

/** A match in one line: `task task-1 read`, `public`, `none`, `malformed`. */
export function summarize(match: ReturnType<FindRoute>): string {
  if (match.kind !== 'check') return match.kind;
  const checks = [match.check, ...(match.also ?? [])];
  return checks
    .map(({ resource: { type, key }, operation, createIfAbsent, parent }) => {
      const shown = key.kind === 'new' ? '*' : key.kind === 'id' ? key.id : `name:${key.name}`;
      const below = parent === undefined ? '' : ` in ${parent.key.kind === 'id' ? parent.key.id : parent.key.kind}`;
      return `${type} ${shown} ${operation}${createIfAbsent ? ' or create' : ''}${below}`;
    })
    .join(' and ');
}
