import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { planCheck } from '../../../src/authorize/plan-check.ts';
import type { RouteMatch } from '../../../src/authorize/ports-gateway.ts';
import { parseYaml } from '../../../src/config/parse-yaml.ts';
import { isTree } from '../../../src/config/tree.ts';
import { createFindRoute } from '../../../src/routes/find-route.ts';
import { formatRouteTable } from '../../../src/routes/format-route-table.ts';
import { parseJsonBody } from '../../../src/routes/parse-json-body.ts';
import { parseRouteTable } from '../../../src/routes/parse-route-table.ts';
import { summarize, toRequest, TYPES } from '../../routes/support.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text, toText } from '../target.ts';

const SHIPPED = readFileSync(new URL('../../../deploy/routes/agentex.yaml', import.meta.url), 'utf8');

function parseTable(yaml: string): ReturnType<typeof parseRouteTable> {
  const parsed = parseYaml(yaml);
  const tree = parsed.kind === 'parsed' && isTree(parsed.value) ? parsed.value['routes'] : undefined;
  return parseRouteTable(tree, TYPES);
}

const shipped = parseTable(SHIPPED);
if (shipped.kind === 'invalid') throw new Error(JSON.stringify(shipped.problems));
const findRoute = createFindRoute(shipped.routes);
const JSON_TYPE = { 'content-type': 'application/json' };

function assertDecidable(match: RouteMatch): void {
  if (match.kind !== 'check') return;
  for (const check of [match.check, ...(match.also ?? [])]) {
    const { key } = check.resource;
    assertThat(key.kind !== 'id' || key.id !== '*', 'no request names what is new');
    assertThat(key.kind !== 'new' || check.operation === 'create', 'what is new is created');
    planCheck(check, { types: TYPES, consistencyByOperation: new Map() });
  }
}

/** `METHOD target`, and after a line feed the body. */
const requests: FuzzTarget = {
  name: 'route-requests',
  seeds: [
    'GET /tasks/task-1',
    'GET /tasks/name/report?x=1',
    'GET /docs/%2e%2e/tasks/t',
    'GET /events?task_id=t&agent_id=a+b',
    'GET /agents/a/schedules/s',
    'GET /agents/forward/name/n/..%2f',
    'POST /checkpoints/put\n{"thread_id":"t","x":[{"thread_id":"u"}]}',
    'POST /agents/a/rpc\n{"jsonrpc":"2.0","method":"message/send","params":{"task_id":"t"},"id":1}',
    'POST /agents/a/rpc\n{"jsonrpc":"2.0","method":"task/create"}',
    'POST /agents/register\n{"name":"n","agent_id":null}',
    'POST /messages\n{"task_id":"*"}',
  ].map(text),
  dictionary: [
    '/ // .. %2e %2f %5c %25 %00 ; ? # * & = + task_id= name/ /tasks/ /agents/ /rpc /healthz GET HEAD POST DELETE'.split(
      ' ',
    ),
    '{ } [ ] ":" "," "task_id": "task_name": "thread_id": \\u002a \\ud800 __proto__ null'.split(' '),
    [' ', '\n'],
  ].flat(),
  run(input) {
    const [line = '', ...body] = toText(input).split('\n');
    const asked = body.length === 0 ? {} : { body: Buffer.from(body.join('\n')), headers: JSON_TYPE };
    const request = toRequest(line.includes(' ') ? line : `GET ${line}`, asked);
    const match = findRoute(request);
    assertDecidable(match);
    if (match.kind === 'none') return 'none';
    const { target } = request;
    const path = target.split('?')[0] ?? '';
    assertThat(/^\/[\x21-\x7e]*$/.test(target) && !/#/.test(target), 'a target is visible ASCII');
    assertThat(!/\/\/|[\\;]|%2f|%5c|%3b|%0|%1|\/\.{1,2}(?:\/|$)/i.test(path), 'a path has one reading');
    if (match.kind === 'malformed') return `malformed ${match.problem}`;
    if (match.kind === 'check' && match.check.resource.type === 'checkpoint') {
      const sent: unknown = JSON.parse(body.join('\n'));
      const [id] = summarize(match).split(' ').slice(1);
      assertThat(isTree(sent) && String(sent['thread_id']).startsWith(id ?? ''), 'the id is the one of the body');
    }
    return match.route;
  },
};

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children = Object.values(value);
  return (
    (Array.isArray(value) ? 0 : children.length) + children.reduce((sum: number, child) => sum + countKeys(child), 0)
  );
}

const bodies: FuzzTarget = {
  name: 'json-bodies',
  seeds: [
    '{"a":{"b":["c",{"d":"\\u00e9"}]},"\\u0061b":1}',
    '{"a":1,"\\u0061":2}',
    '["\\ud83d\\ude00","\\ud800"]',
    '{"__proto__":{"a":1},"a":"\\\\\\""}',
    '[[[[[[[[]]]]]]]]',
    ' "x" ',
    '\ufeff{}',
    '{"a":1e400,"b":-0}',
  ].map(text),
  dictionary: ['{', '}', '[', ']', ',', ':', '"', '\\', '\\u0061', '\\ud800', '\\udc00', '"a":', 'null', '1e9', '\\"'],
  arbitrary: fc.json({ maxDepth: 5 }).map(text),
  run(input) {
    const parsed = parseJsonBody({
      headers: new Map([['content-type', ['application/json']]]),
      body: { kind: 'bytes', bytes: input },
    });
    if (parsed.kind === 'problem') return parsed.problem;
    const sent = Buffer.from(input).toString();
    // Every text of the JSON in its order; those before a colon are the keys.
    const written = [...sent.matchAll(/"(?:[^"\\]|\\.)*"(?<colon>\s*:)?/gs)].filter(({ groups }) => groups?.['colon']);
    assertThat(written.length === countKeys(parsed.value), 'no key is lost');
    assertThat(!/[^\\](?:\\\\)*\\ud[89a-f]/i.test(JSON.stringify(parsed.value)), 'no text has half of a pair');
    return `parsed ${typeof parsed.value}`;
  },
};

const tables: FuzzTarget = {
  name: 'route-tables',
  seeds: [
    SHIPPED,
    'routes: [{ match: "GET,PUT /a/{b}/**", check: { type: task, id: "{b}", operation: read } }]',
    'routes: [{ match: POST /r, json_rpc: { m: { type: task, name: "{params.n}", operation: update, create_if_absent: true } } }]',
    'routes: [{ match: GET /a, public: true }, { match: "GET /{a}", authenticated: true }]',
    'routes: [{ match: "GET /a/{b}", public: true }, { match: "GET /{a}/b", public: true }]',
  ].map(text),
  dictionary: [
    'match check also public json_rpc parent type id name operation create true GET POST task message agent null'.split(
      ' ',
    ),
    'create_if_absent create_if_unnamed if_given __proto__ / ** {a} {query.a} {body.a} {params.a} "*" " { } [ ]'.split(
      ' ',
    ),
    ['- ', '\n', '  ', ': ', ', '],
  ].flat(),
  run(input) {
    const parsed = parseTable(toText(input));
    if (parsed.kind === 'invalid') {
      for (const { message } of parsed.problems) {
        assertThat(message !== '' && !/undefined|\[object|NaN/.test(message), 'a problem can be read');
      }
      return parsed.problems.map(({ message }) => message).toSorted()[0] ?? '';
    }
    const again = parseRouteTable(formatRouteTable(parsed.routes), TYPES);
    assertThat(isDeepStrictEqual(again, parsed), 'a table is the same when it is formatted and parsed');
    const find = createFindRoute(parsed.routes);
    for (const { methods, path } of parsed.routes) {
      const target = path.replaceAll(/\{[^}]*\}|\*\*/g, 'x');
      const match = find(toRequest(`${methods[0]} ${target}?a=x`, { headers: JSON_TYPE, body: text('{"a":"x"}') }));
      assertThat(match.kind !== 'none' || target.length > 8_000, 'every route is found');
      assertDecidable(match);
    }
    return `valid ${Math.min(parsed.routes.length, 3)}`;
  },
};

export const ROUTE_TARGETS: readonly FuzzTarget[] = [requests, bodies, tables];
