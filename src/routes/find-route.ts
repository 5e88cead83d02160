import type { FindRoute, GatewayRequest, RouteMatch } from '../authorize/ports-gateway.ts';
import type { TaskCheck } from '../domain/task-check.ts';
import type { GivenValues } from './fill-check.ts';
import { fillCheck } from './fill-check.ts';
import { createMatchTree } from './match-tree.ts';
import { parseJsonBody } from './parse-json-body.ts';
import { parseRpcCall } from './parse-rpc-call.ts';
import type { CheckTemplate, ResourceTemplate, Route, RouteAction } from './route.ts';
import { splitTarget } from './split-target.ts';

export interface FindRouteOptions {
  /** What every path begins with, such as `/api/v1`; default none. */
  readonly basePath?: string;
}

const NONE: RouteMatch = { kind: 'none' };
/** With one of these a framework may do another method than the one that was matched. */
const OVERRIDES = ['x-http-method-override', 'x-http-method', 'x-method-override'] as const;

/**
 * Finds what the table says of a request. A HEAD that has no route of its own has the one of GET. Never throws, whatever
 * the request is; everything that is not clear is `none` or `malformed`.
 *
 * @param routes of a table that `parseRouteTable` found valid
 */
export function createFindRoute(routes: readonly Route[], { basePath = '' }: FindRouteOptions = {}): FindRoute {
  const find = createMatchTree(routes, basePath);
  const places = new Map(routes.map((route) => [route, toPlaces(route, basePath)]));
  return (request) => {
    const target = splitTarget(request.target);
    if (target === undefined) return NONE;
    const { method } = request;
    const found = find(method, target.segments) ?? (method === 'HEAD' ? find('GET', target.segments) : undefined);
    const place = found === undefined ? undefined : places.get(found.route);
    if (found === undefined || place === undefined) return NONE;
    const { name, parameters, needsBody } = place;
    if (isOverridden(request)) {
      return malformed(name, 'a header says to do another method');
    }
    const parameter = (wanted: string): string => found.values[parameters.indexOf(wanted)] ?? '';
    return toMatch(found.route.action, { request, name, needsBody, parameter, query: target.query });
  };
}

function isOverridden({ headers }: GatewayRequest): boolean {
  for (const header of OVERRIDES) if (headers.get(header) !== undefined) return true;
  return false;
}

interface Place {
  /** Of a closed set: as it stands in the table. */
  readonly name: string;
  /** The parameters in their order. */
  readonly parameters: readonly string[];
  readonly needsBody: boolean;
}

interface Question extends Pick<Place, 'name' | 'needsBody'>, Pick<GivenValues, 'parameter' | 'query'> {
  readonly request: GatewayRequest;
}

function toPlaces({ methods, path, segments, action }: Route, basePath: string): Place {
  return {
    name: `${methods.join(',')} ${basePath}${path}`,
    parameters: segments.flatMap((segment) => (segment.kind === 'parameter' ? [segment.name] : [])),
    needsBody: needsBody(action),
  };
}

function needsBody(action: RouteAction): boolean {
  if (action.kind === 'json_rpc') return true;
  return action.kind === 'check' && [action.check, ...action.also].some(readsBody);
}

function readsBody({ resource, parent }: CheckTemplate): boolean {
  const fromBody = (ref: ResourceTemplate | undefined) => ref?.id?.kind === 'body' || ref?.name?.kind === 'body';
  return fromBody(resource) || fromBody(parent);
}

function toMatch(action: RouteAction, question: Question): RouteMatch {
  const { name } = question;
  if (action.kind === 'public' || action.kind === 'authenticated') return { kind: action.kind, route: name };
  const parsed = question.needsBody ? parseJsonBody(question.request) : undefined;
  if (parsed?.kind === 'problem') return malformed(name, parsed.problem);
  const { parameter, query } = question;
  const given = { parameter, query, body: parsed?.value, params: undefined };
  if (action.kind === 'check') return fillAll(name, action.check, action.also, given);
  const call = parseRpcCall(given.body);
  if (call.kind === 'problem') return malformed(name, call.problem);
  const check = action.methods.get(call.method);
  if (check === undefined) return malformed(name, 'the method is not in the table');
  return fillAll(`${name} ${call.method}`, check, action.also, { ...given, params: call.params });
}

function fillAll(
  route: string,
  template: CheckTemplate,
  others: readonly CheckTemplate[],
  given: GivenValues,
): RouteMatch {
  const filled = fillCheck(template, given);
  if (filled.kind === 'problem') return malformed(route, filled.problem);
  if (filled.kind === 'not_given') return malformed(route, 'names no resource');
  if (others.length === 0) return { kind: 'check', route, check: filled.check };
  const also: TaskCheck[] = [];
  for (const other of others) {
    const next = fillCheck(other, given);
    if (next.kind === 'problem') return malformed(route, next.problem);
    if (next.kind === 'check') also.push(next.check);
  }
  return { kind: 'check', route, check: filled.check, also };
}

function malformed(route: string, problem: string): RouteMatch {
  return { kind: 'malformed', route, problem };
}
