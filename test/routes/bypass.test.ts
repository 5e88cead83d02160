import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RouteMatch } from '../../src/authorize/ports-gateway.ts';
import { summarize, toFindRoute, toRequest } from './support.ts';

const findRoute = toFindRoute(`
- { match: GET /healthz, public: true }
- { match: GET /docs/**, public: true }
- { match: GET /tasks, authenticated: true }
- { match: "GET /tasks/{task_id}", check: { type: task, id: "{task_id}", operation: read } }
- { match: "DELETE /tasks/{task_id}", check: { type: task, id: "{task_id}", operation: delete } }
- { match: "GET /tasks/name/{task_name}", check: { type: task, name: "{task_name}", operation: read } }
- { match: "PUT /states/{state_id}", check: { type: state, id: "{state_id}", operation: update } }
- { match: GET /messages, check: { type: task, id: "{query.task_id}", operation: read } }
`);

const KIBIBYTE = 1_024;

/** What somebody tries → what it comes to. */
const TRIES: readonly [line: string, expected: string][] = [
  // What the table says, so that the rest is not denied for another reason.
  ['GET /healthz', 'public'],
  ['GET /docs/a/b.css', 'public'],
  ['GET /docs/', 'public'],
  ['GET /tasks', 'authenticated'],
  ['GET /tasks/task-1', 'task task-1 read'],
  ['HEAD /tasks/task-1', 'task task-1 read'],
  ['DELETE /tasks/task-1', 'task task-1 delete'],
  ['GET /tasks/name/report', 'task name:report read'],
  ['GET /messages?task_id=task-1&limit=5', 'task task-1 read'],
  // Query strings.
  ['GET /tasks/task-1?x=/healthz', 'task task-1 read'],
  ['GET /tasks/task-1?/../../healthz', 'task task-1 read'],
  ['GET /tasks/task-1??', 'task task-1 read'],
  ['GET /tasks/task-1%3Fx=1', 'task task-1?x=1 read'],
  ['GET /healthz?next=/tasks/task-1', 'public'],
  ['GET /healthz%3F', 'none'],
  ['GET ?/healthz', 'none'],
  ['GET /tasks/task-1#/healthz', 'none'],
  ['GET /tasks/task-1?x#y', 'none'],
  ['GET /tasks/task-1%23x', 'task task-1#x read'],
  ['GET /messages?task_id=task-1&task_id=task-2', 'malformed'],
  ['GET /messages?task_id=task-1&task%5fid=task-2', 'malformed'],
  ['GET /messages?task_id=task-1&task_id[]=task-2', 'malformed'],
  ['GET /messages?task_id=task-1&task_id%5B0%5D=task-2', 'malformed'],
  ['GET /messages?x=1;task_id=task-2&task_id=task-1', 'malformed'],
  ['GET /messages?Task_Id=task-1', 'malformed'],
  ['GET /messages?task_id=', 'malformed'],
  ['GET /messages?task_id', 'malformed'],
  ['GET /messages?task_id=%', 'malformed'],
  ['GET /messages?task_id=%C0%AE', 'malformed'],
  ['GET /messages?task_id=*', 'malformed'],
  ['GET /messages?task_id=task-1&%zz=1', 'malformed'],
  ['GET /messages?task_id=a+b', 'task a b read'],
  ['GET /messages', 'malformed'],
  // Empty segments and slashes at the end.
  ['GET //tasks/task-1', 'none'],
  ['GET /tasks//task-1', 'none'],
  ['GET /tasks/task-1//', 'none'],
  ['GET /tasks/task-1/', 'none'],
  ['GET /tasks/', 'none'],
  ['GET /healthz/', 'none'],
  ['GET /docs', 'none'],
  ['GET /docs//a', 'none'],
  ['GET /', 'none'],
  ['GET //', 'none'],
  // Dot segments, encoded or not.
  ['GET /docs/../tasks/task-1', 'none'],
  ['GET /docs/%2e%2e/tasks/task-1', 'none'],
  ['GET /docs/.%2E/tasks/task-1', 'none'],
  ['GET /docs/%2e./tasks/task-1', 'none'],
  ['GET /docs/..', 'none'],
  ['GET /docs/./a', 'none'],
  ['GET /docs/%2e', 'none'],
  ['GET /docs/...', 'public'],
  ['GET /./healthz', 'none'],
  ['GET /tasks/..', 'none'],
  ['GET /tasks/task-1/../task-2', 'none'],
  ['GET /docs/..%2ftasks/task-1', 'none'],
  ['GET /docs/..%5ctasks', 'none'],
  ['GET /docs/..\\tasks', 'none'],
  ['GET /docs/..;/tasks/task-1', 'none'],
  ['GET /docs/..%00/x', 'none'],
  ['GET /docs/%252e%252e/tasks/task-1', 'none'],
  ['GET /docs/%25%32%65%252e/x', 'none'],
  // Encoded slashes and other separators.
  ['GET /tasks%2Ftask-1', 'none'],
  ['GET /tasks/name%2Freport', 'none'],
  ['GET /tasks/a%2fb', 'none'],
  ['GET /tasks/a%252fb', 'none'],
  ['GET /tasks/a%5Cb', 'none'],
  ['GET /tasks/a\\b', 'none'],
  ['GET \\tasks\\task-1', 'none'],
  // Path parameters.
  ['GET /tasks/task-1;x=1', 'none'],
  ['GET /tasks;x/task-1', 'none'],
  ['GET /healthz;.css', 'none'],
  ['GET /tasks/task-1%3Bx', 'none'],
  // Encodings.
  ['GET /t%61sks/task-1', 'task task-1 read'],
  ['GET /he%61lthz', 'public'],
  ['GET /tasks/task%2D1', 'task task-1 read'],
  ['GET /tasks/ann%40example.com', 'task ann@example.com read'],
  ['GET /tasks/t%C3%A4sk', 'task täsk read'],
  ['GET /tasks/task%252D1', 'none'],
  ['GET /tasks/100%25', 'task 100% read'],
  ['GET /tasks/%', 'none'],
  ['GET /tasks/%2', 'none'],
  ['GET /tasks/%zz', 'none'],
  ['GET /tasks/%u002e', 'none'],
  ['GET /tasks/%C0%AF', 'none'],
  ['GET /tasks/%E0%80%AF', 'none'],
  ['GET /tasks/%ED%A0%80', 'none'],
  ['GET /tasks/%FF', 'none'],
  ['GET /tasks/%EF%BF%BD', 'malformed'],
  ['GET /tasks/%00', 'none'],
  ['GET /tasks/task-1%00.css', 'none'],
  ['GET /tasks/task-1%0a', 'none'],
  ['GET /tasks/task-1%0d%0aX:y', 'none'],
  ['GET /tasks/%7f', 'none'],
  ['GET /tasks/%C2%85', 'none'],
  ['GET /tasks/täsk', 'none'],
  ['GET /tasks/task-1\u0000', 'none'],
  ['GET /tasks/task-1\t', 'none'],
  ['GET /tasks/task-1 HTTP/1.1', 'none'],
  ['GET /tasks/{task_id}', 'none'],
  // Ids that mean something else inside.
  ['GET /tasks/*', 'malformed'],
  ['GET /tasks/%2A', 'malformed'],
  ['GET /tasks/name/*', 'task name:* read'],
  ['GET /tasks/__proto__', 'task __proto__ read'],
  ['GET /__proto__', 'none'],
  ['GET /constructor', 'none'],
  [`GET /tasks/${'a'.repeat(KIBIBYTE)}`, `task ${'a'.repeat(KIBIBYTE)} read`],
  [`GET /tasks/${'a'.repeat(KIBIBYTE + 1)}`, 'malformed'],
  // Case.
  ['GET /Tasks/task-1', 'none'],
  ['GET /HEALTHZ', 'none'],
  ['GET /tasks/Task-1', 'task Task-1 read'],
  // Methods.
  ['get /healthz', 'none'],
  ['Get /tasks/task-1', 'none'],
  ['POST /healthz', 'none'],
  ['OPTIONS /tasks/task-1', 'none'],
  ['TRACE /healthz', 'none'],
  ['CONNECT example.org:443', 'none'],
  ['__proto__ /healthz', 'none'],
  [' /healthz', 'none'],
  // Forms of the target that are no path.
  ['OPTIONS *', 'none'],
  ['GET *', 'none'],
  ['GET http://example.org/healthz', 'none'],
  ['GET //example.org/healthz', 'none'],
  ['GET /http://example.org/healthz', 'none'],
  ['GET healthz', 'none'],
  ['GET ', 'none'],
  // Prefixes of what is public.
  ['GET /healthz/../tasks', 'none'],
  ['GET /healthzz', 'none'],
  ['GET /docsx/a', 'none'],
  ['GET /x/docs/a', 'none'],
  // Length.
  [`GET /docs/${'a'.repeat(8 * KIBIBYTE)}`, 'none'],
  [`GET /docs/${'a/'.repeat(512 * KIBIBYTE)}`, 'none'],
  [`GET /healthz?${'a'.repeat(KIBIBYTE * KIBIBYTE)}`, 'none'],
];

test.each(TRIES.map(([line, expected]) => ({ line, shown: line.slice(0, 80), expected })))(
  '$shown is $expected',
  ({ line, expected }) => {
    expect(summarize(findRoute(toRequest(line)))).toBe(expected);
  },
);

test('refuses a path of 1 MB at once', () => {
  const request = toRequest(`GET ${'/%2e'.repeat(256 * KIBIBYTE)}`);
  const start = performance.now();
  for (let round = 0; round < 1_000; round += 1) expect(findRoute(request)).toEqual({ kind: 'none' });
  expect(performance.now() - start).toBeLessThan(500);
});

test.each(['x-http-method-override', 'x-http-method', 'x-method-override'])(
  'refuses %s, whatever it says',
  (header) => {
    for (const line of ['GET /healthz', 'GET /tasks/task-1', 'GET /tasks']) {
      expect(findRoute(toRequest(line, { headers: { [header]: 'DELETE' } }))).toMatchObject({ kind: 'malformed' });
    }
  },
);

/** What a server does that decodes the whole path once and then resolves it, as RFC 3986 has it: undefined for a bad one. */
function toResolved(target: string): string | undefined {
  const path = target.split('?')[0] ?? '';
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  const resolved: string[] = [];
  for (const segment of decoded.replaceAll('\\', '/').split('/')) {
    const plain = segment.split(';')[0] ?? '';
    if (plain === '..') resolved.pop();
    else if (plain !== '' && plain !== '.') resolved.push(plain);
  }
  return `/${resolved.join('/')}`;
}

/** What may be allowed on a resolved path: by the same table, written down a second time. */
function expectedOf(resolved: string | undefined, method: string): string {
  if (resolved === undefined) return 'none';
  const [first, second, third, ...others] = resolved.slice(1).split('/');
  if (others.length > 0 && first !== 'docs') return 'none';
  if (method === 'GET' && resolved === '/healthz') return 'public';
  if (method === 'GET' && first === 'docs') return 'public';
  if (first !== 'tasks') return 'none';
  if (second === undefined) return method === 'GET' ? 'authenticated' : 'none';
  if (third === undefined) return `task ${second} ${method === 'GET' ? 'read' : 'delete'}`;
  return second === 'name' && method === 'GET' ? `task name:${third} read` : 'none';
}

function isHarmless(match: RouteMatch): boolean {
  return match.kind === 'none' || match.kind === 'malformed';
}

describe('whatever is done to a path', () => {
  const piece = fc.constantFrom(
    ...'tasks task-1 name docs healthz x / / / // . .. %2e %2E%2e ; %3b %2f %2F \\ %5c %25 %252f %252e %00 %0a'.split(
      ' ',
    ),
    ...'% ? # * %2a é %C3%A9 %ff %74 %61 7 %68ealthz + @ __proto__'.split(' '),
    ' ',
  );
  const base = fc.constantFrom(
    '/tasks/task-1',
    '/tasks/name/report',
    '/tasks',
    '/healthz',
    '/docs/a/b',
    '/states/s',
    '/',
  );
  type Change = (path: string) => string;
  const insert = fc.tuple(fc.nat(20), piece).map(
    ([at, text]): Change =>
      (path) =>
        path.slice(0, at) + text + path.slice(at),
  );
  const encode = fc.nat(20).map(
    (at): Change =>
      (path) =>
        path.slice(0, at) +
        path.slice(at, at + 1).replace(/./, (one) => `%${one.charCodeAt(0).toString(16)}`) +
        path.slice(at + 1),
  );
  const drop = fc.nat(20).map(
    (at): Change =>
      (path) =>
        path.slice(0, at) + path.slice(at + 1),
  );
  const changes = fc.array(fc.oneof(insert, encode, encode, drop), { maxLength: 4 });
  const changed = fc
    .tuple(base, changes)
    .map(([path, made]) => made.reduce<string>((text, change) => change(text), path));
  const path = fc.oneof(
    changed,
    changed,
    fc.array(piece, { maxLength: 9 }).map((pieces) => `/${pieces.join('')}`),
  );

  test('what matches is what a server that decodes once would serve', () => {
    let matched = 0;
    fc.assert(
      fc.property(path, fc.constantFrom('GET', 'DELETE'), (target, method) => {
        const match = findRoute(toRequest(`${method} ${target}`));
        if (isHarmless(match)) return;
        matched += 1;
        expect(summarize(match)).toBe(expectedOf(toResolved(target), method));
      }),
      { numRuns: 20_000 },
    );
    expect(matched).toBeGreaterThan(2_000);
  });
});
