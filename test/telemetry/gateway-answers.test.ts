import { readFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import type { GatewayAnswer, GatewayDoor, RouteMatch } from '../../src/authorize/ports-gateway.ts';
import type { TaskgateError } from '../../src/domain/errors.ts';
import {
  CancelledError,
  DeadlineExceededError,
  InternalError,
  InvalidArgumentError,
  OverloadedError,
  UnavailableError,
} from '../../src/domain/errors.ts';
import { FORWARD_AUTH_PATH } from '../../src/http/forward-auth/forward-auth.ts';
import { createGatewayObserver } from '../../src/telemetry/gateway-observer.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { checkRequestBytes, sendEnvoyCheck } from '../support/envoy-checks.ts';
import { exchangeHttp } from '../support/exchange-http.ts';
import { gatewayYaml } from '../support/gateway.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { useTaskgate } from '../support/taskgate.ts';

const DOWN = { spiceDb: { endpoint: '127.0.0.1:1', timeoutMs: 300 } };
const FORWARD_AUTH = { gateway: { forward_auth: {} } };
const gate = useTaskgate({ yaml: gatewayYaml(FORWARD_AUTH) });
const broken = useTaskgate({
  yaml: gatewayYaml({ ...FORWARD_AUTH, decisions: { cache: false } }),
  decorate: (stores) => ({ ...stores, ...DOWN }),
});

async function answersOf(admin: string): Promise<Readonly<Record<string, number>>> {
  const { body } = await exchangeHttp1(`http://${admin}/metrics`, { method: 'GET' });
  return Object.fromEntries(
    Array.from(
      body.matchAll(/^taskgate_gateway_answers_total\{door="(\w+)",answer="(\w+)",route="([^"]*)"\} (\d+)$/gm),
      ([, door, answer, route, count]) => [`${door} ${answer} ${route}`, Number(count)],
    ),
  );
}

/** Method, target, user; what it is counted as. */
const ASKED: readonly (readonly [string, string, string | undefined, string])[] = [
  ['GET', '/public', undefined, 'allowed GET /public'],
  ['GET', '/tasks/task-1', 'alice', 'allowed GET,OPTIONS /tasks/{id}'],
  ['GET', '/tasks/task-1', 'dave', 'not_found GET,OPTIONS /tasks/{id}'],
  ['GET', '/tasks/none', 'dave', 'not_found GET,OPTIONS /tasks/{id}'],
  ['GET', '/messages/msg-1', undefined, 'unauthenticated GET /messages/{id}'],
  ['POST', '/rpc', 'alice', 'bad_request POST /rpc'],
  ['GET', '/nothing', 'alice', 'no_route none'],
  ['GET', '/tasks/task-1%2F..', 'alice', 'no_route none'],
  ['GET', '/made-up/by/"}', 'alice', 'no_route none'],
];

async function forward(address: string, headers: readonly (readonly [string, string])[]): Promise<number> {
  return (await exchangeHttp(address, { target: FORWARD_AUTH_PATH, headers })).status;
}

it('counts what gateways are told at each door, by routes that the table has', async () => {
  const { grpc, http, admin } = gate().addresses;
  const expected: Record<string, number> = {};
  const expectOne = (name: string): void => void (expected[name] = (expected[name] ?? 0) + 1);
  for (const [method, path, user, answer] of ASKED) {
    const who: Record<string, string> = user === undefined ? {} : { 'x-user-id': user, 'x-account-id': 'acme' };
    await sendEnvoyCheck(grpc, checkRequestBytes({ method, path, headers: who }));
    await forward(http, [['x-forwarded-method', method], ['x-forwarded-uri', path], ...Object.entries(who)]);
    expectOne(`ext_authz ${answer}`);
    expectOne(`forward_auth ${answer}`);
  }
  // What can't be read at all.
  await sendEnvoyCheck(grpc, checkRequestBytes({ path: '/tasks/\uFFFD' }));
  expectOne('ext_authz bad_request none');
  await sendEnvoyCheck(grpc, Buffer.from('no request'));
  expectOne('ext_authz error none');
  expect(await forward(http, [['x-forwarded-method', 'GET']])).toBe(400);
  expectOne('forward_auth bad_request none');
  expect(await answersOf(admin)).toEqual(expected);
});

it('counts what could not be told, and as no answer', async () => {
  const { grpc, http, admin } = broken().addresses;
  const who = { 'x-user-id': 'alice', 'x-account-id': 'acme' };
  await sendEnvoyCheck(grpc, checkRequestBytes({ path: '/tasks/task-1', headers: who }));
  const asked = [
    ['x-forwarded-method', 'GET'],
    ['x-forwarded-uri', '/tasks/task-1'],
  ] as const;
  expect(await forward(http, [...asked, ...Object.entries(who)])).toBe(503);
  expect(await answersOf(admin)).toEqual({
    'ext_authz unavailable GET,OPTIONS /tasks/{id}': 1,
    'forward_auth unavailable GET,OPTIONS /tasks/{id}': 1,
  });
});

const NONE: RouteMatch = { kind: 'none' };
const ROUTE: RouteMatch = { kind: 'authenticated', route: 'GET /x' };

function label(door: GatewayDoor, match: RouteMatch | undefined, told: GatewayAnswer['kind'] | TaskgateError) {
  const counted: (readonly string[])[] = [];
  const observer = createGatewayObserver(
    {
      logger: createLogger({ level: 'info', format: 'json' }, { write: () => undefined }),
      metrics: { gatewayAnswers: { inc: (values) => void counted.push(values) } },
    },
    door,
  );
  if (typeof told === 'string') observer.answered({ match: match ?? NONE, answer: told });
  else observer.failed(match, told);
  return counted;
}

test.each<[GatewayDoor, RouteMatch | undefined, GatewayAnswer['kind'] | TaskgateError, readonly string[]]>([
  ['ext_authz', ROUTE, 'forbidden', ['forbidden', 'GET /x']],
  ['ext_authz', ROUTE, 'not_found', ['not_found', 'GET /x']],
  ['ext_authz', NONE, 'not_found', ['no_route', 'none']],
  ['ext_authz', NONE, 'unauthenticated', ['unauthenticated', 'none']],
  ['ext_authz', ROUTE, new DeadlineExceededError(), ['deadline_exceeded', 'GET /x']],
  ['ext_authz', ROUTE, new OverloadedError(), ['overloaded', 'GET /x']],
  ['ext_authz', ROUTE, new CancelledError(), ['cancelled', 'GET /x']],
  ['ext_authz', ROUTE, new InternalError(), ['error', 'GET /x']],
  ['ext_authz', ROUTE, new UnavailableError('issuer'), ['unavailable', 'GET /x']],
  // Envoy gets an error for what only its configuration can have done.
  ['ext_authz', ROUTE, new InvalidArgumentError('x', 'y'), ['error', 'GET /x']],
  ['forward_auth', ROUTE, new InvalidArgumentError('x', 'y'), ['bad_request', 'GET /x']],
])('at %s, %o told %o is %o', (door, match, told, expected) => {
  expect(label(door, match, told)).toEqual([[door, ...expected]]);
});

test('the operators are told every answer that there is', () => {
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const source = readFileSync(new URL('../../src/telemetry/gateway-observer.ts', import.meta.url), 'utf8');
  const [, union = ''] = /type GatewayLabel =([^;]*);/.exec(source) ?? [];
  const answers = [...union.matchAll(/'(\w+)'/g)].map(([, answer]) => answer);
  expect(answers).toHaveLength(11);
  for (const answer of answers) expect(text).toContain(`\`${answer}\``);
});
