import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planCheck } from '../../src/authorize/plan-check.ts';
import { formatRouteTable } from '../../src/routes/format-route-table.ts';
import { parseRouteTable } from '../../src/routes/parse-route-table.ts';
import { relatePatterns } from '../../src/routes/relate-patterns.ts';
import type { PatternSegment, Route } from '../../src/routes/route.ts';
import { createMatchTree } from '../../src/routes/match-tree.ts';
import { summarize, toFindRoute, toRequest, toRoutes, toTree, TYPES } from './support.ts';

function problemsOf(yaml: string): readonly string[] {
  const parsed = parseRouteTable(toTree(yaml), TYPES);
  return parsed.kind === 'valid' ? [] : parsed.problems.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const read = (id: string) => `check: { type: task, id: "${id}", operation: read }`;

/** One route, as YAML → what is wrong with it, whole. */
test.each<[string, ...string[]]>([
  // Shape.
  ['{}', '0.match: must be text of 1 to 1024 characters'],
  ['GET /x', '0: must be a mapping with match, and public, authenticated, check or json_rpc'],
  ['{ match: GET /x }', '0: must have exactly one of public, authenticated, check, json_rpc'],
  [
    '{ match: GET /x, public: true, authenticated: true }',
    '0: must have exactly one of public, authenticated, check, json_rpc',
  ],
  ['{ match: GET /x, public: false }', '0.public: must be true, or left out'],
  ['{ match: GET /x, public: "yes" }', '0.public: must be true, or left out'],
  ['{ match: GET /x, publik: true }', '0.publik: is not a known key'],
  [
    '{ match: GET /x, public: true, also: [{ type: task, id: x, operation: read }] }',
    '0.also: goes with check or json_rpc only',
  ],
  ['{ match: GET /x, check: [] }', '0.check: must be a mapping with type, id or name, and operation'],
  ['{ match: GET /x, json_rpc: {} }', '0.json_rpc: must not be empty'],
  ['{ match: GET /x, check: { type: task, id: x, operation: read }, also: [] }', '0.also: must not be empty'],
  [
    '{ match: GET /x, check: { type: task, id: x, operation: write, consistensy: strong } }',
    '0.check.operation: must be one of create, read, update, delete, execute, cancel, share',
    '0.check.consistensy: is not a known key',
  ],
  // Patterns.
  ...['GET', '/x', 'get /x', 'GET  /x', 'GET, PUT /x', 'GET x', 'GET http://h/x', 'GET,GET2 /x'].map(
    (match): [string, string] => [
      `{ match: "${match}", public: true }`,
      '0.match: must be methods and a path, such as GET /tasks/{task_id} or GET,HEAD /tasks',
    ],
  ),
  ['{ match: "GET,PUT,GET /x", public: true }', '0.match: has a method twice'],
  ['{ match: "GET /{a}/{a}", public: true }', '0.match: has the parameter {a} twice'],
  ...[
    '/a//b',
    '//',
    '/a/../b',
    '/.',
    '/%61',
    '/a;b',
    '/*',
    '/**/a',
    '/a**',
    '/{a',
    '/a}',
    '/{}',
    '/{1a}',
    '/x{a}',
    '/{a}{b}',
    '/a?b',
    '/a#b',
    '/ä',
  ].map((path): [string, string] => [
    `{ match: "GET ${path}", public: true }`,
    '0.match: has a segment that is no {parameter}, no plain text, and not ** at the end',
  ]),
  // What is checked.
  ['{ match: GET /x, check: { type: taks, id: x, operation: read } }', '0.check.type: is not a configured type'],
  ['{ match: GET /x, check: { type: tenant, id: x, operation: read } }', '0.check.type: is not a configured type'],
  [
    '{ match: GET /x, check: { type: event, id: x, operation: delete } }',
    '0.check.operation: is not configured for event',
  ],
  ['{ match: GET /x, check: { type: task, operation: read } }', '0.check.id: is required, or name'],
  [
    '{ match: GET /x, check: { type: api_key, name: x, operation: read } }',
    '0.check.name: a api_key has no unique name: use its id',
  ],
  [
    '{ match: GET /x, check: { type: task, id: "{task_id}", operation: read } }',
    '0.check.id: the path has no parameter {task_id}',
  ],
  [
    '{ match: "GET /{a}", check: { type: task, id: "{A}", operation: read } }',
    '0.check.id: the path has no parameter {A}',
  ],
  [
    '{ match: "GET /{a}", check: { type: task, id: "{a}/{b}", operation: read } }',
    '0.check.id: the path has no parameter {b}',
  ],
  [
    '{ match: "GET /{a}", check: { type: task, id: "{a}", name: "{query.n}", operation: read } }',
    '0.check.name: goes with an id only where a request can leave out either: in query, body or params',
  ],
  [
    '{ match: GET /x, check: { type: task, id: "{params.x}", operation: read } }',
    '0.check.id: {params.…} is for routes with json_rpc: use {body.…}',
  ],
  [
    '{ match: POST /x, json_rpc: { m: { type: task, id: "{body.x}", operation: read } } }',
    '0.json_rpc.m.id: must be {params.…} in a route with json_rpc',
  ],
  ...[
    '{',
    '}',
    'x{a}',
    '{a}x',
    '{a}-{b}',
    '{ a }',
    '{a.b}',
    '{query}x',
    '{query.a.b}',
    '{query.}',
    '{body}/{body.x}',
    '{header.x}',
    '{a}/x',
  ].map((template): [string, string] => [
    `{ match: "GET /{a}/{b}", ${read(template)} }`,
    '0.check.id: must be a text without braces, {parameter}, {query.name}, {body.key}, {params.key}, or parameters of the path with / between',
  ]),
  // New resources.
  [
    '{ match: GET /x, check: { type: task, id: "*", operation: read } }',
    '0.check.id: "*" goes with the operation create only',
  ],
  [
    '{ match: "GET /{a}", check: { type: task, id: "{a}", operation: create } }',
    '0.check.id: must be "*" to create a task',
  ],
  [
    '{ match: GET /x, check: { type: task, id: "*", operation: create, parent: { type: agent, id: x } } }',
    '0.check.parent: a new task is checked without it',
  ],
  [
    '{ match: GET /x, check: { type: message, id: "*", operation: create } }',
    '0.check.parent: is required: the task it will belong to',
  ],
  [
    '{ match: GET /x, check: { type: message, id: "*", operation: create, parent: { type: agent, id: x } } }',
    '0.check.parent.type: must be task',
  ],
  [
    '{ match: GET /x, check: { type: message, id: "*", operation: create, parent: { type: task, id: "*" } } }',
    '0.check.parent.id: must name one that exists',
  ],
  [
    '{ match: GET /x, check: { type: message, id: x, operation: read, parent: { type: task, id: y } } }',
    '0.check.parent: goes with id "*" only',
  ],
  // Flags.
  [
    '{ match: GET /x, check: { type: task, id: x, operation: read, create_if_absent: true } }',
    '0.check.create_if_absent: goes with name only',
  ],
  [
    '{ match: GET /x, check: { type: message, id: "{query.m}", operation: read, create_if_unnamed: true } }',
    '0.check.create_if_unnamed: creating a message in an account is not configured',
  ],
  [
    '{ match: "GET /{a}", check: { type: task, name: "{a}", operation: read, create_if_unnamed: true } }',
    '0.check.create_if_unnamed: has no effect: a request always gives the id or the name',
  ],
  [
    '{ match: GET /x, check: { type: task, id: "{query.t}", operation: read, if_given: true } }',
    '0.check.if_given: is for the checks of also: a route needs one that is always made',
  ],
  [
    '{ match: GET /x, check: { type: task, id: x, operation: read }, also: [{ type: task, id: y, operation: read, if_given: true }] }',
    '0.also.0.if_given: has no effect: a request always gives the id or the name',
  ],
])('%s', (route, ...expected) => {
  expect(problemsOf(`- ${route}`)).toEqual(expected);
});

test('lists all problems at once, each with its place', () => {
  expect(
    problemsOf(`
- { match: GET /a, public: true }
- { match: GET /b, check: { type: nothing, id: "{b}", operation: read } }
- { match: nowhere, check: { type: task, id: "{c", operation: read } }
- { match: "GET /a", authenticated: true }
- 7
`),
  ).toEqual([
    '1.check.type: is not a configured type',
    '1.check.id: the path has no parameter {b}',
    '2.match: must be methods and a path, such as GET /tasks/{task_id} or GET,HEAD /tasks',
    expect.stringContaining('2.check.id: must be a text without braces'),
    '4: must be a mapping with match, and public, authenticated, check or json_rpc',
    '3.match: matches what GET /a matches (routes[0])',
  ]);
});

test.each(['[]', '{}', 'x', '7'])('refuses %s in place of a list', (yaml) => {
  expect(problemsOf(yaml)).toEqual([': must be a list of 1 to 1000 routes']);
});

describe('two patterns', () => {
  const table = (...patterns: string[]) => patterns.map((match) => `- { match: "${match}", public: true }`).join('\n');

  test.each<[string[], string | undefined]>([
    [['GET /a', 'GET /a'], 'matches what GET /a matches'],
    [['GET /{a}', 'GET /{b}'], 'matches what GET /{a} matches'],
    [['GET,PUT /a', 'PUT,POST /a'], 'matches what PUT /a matches'],
    [['GET /a/**', 'GET /a/**'], 'matches what GET /a/** matches'],
    [['GET /a/{b}', 'GET /{a}/b'], 'is ambiguous with GET /a/{b}: add a route for GET /a/b, which both match'],
    [['GET /a/{b}/c', 'GET /a/b/{c}'], 'is ambiguous with GET /a/{b}/c: add a route for GET /a/b/c, which both match'],
    [['GET /a/**', 'GET /{a}/b'], 'is ambiguous with GET /a/**: add a route for GET /a/b, which both match'],
    [['GET /{a}/b/**', 'GET /a/**'], 'is ambiguous with GET /{a}/b/**: add a route for GET /a/b/**, which both match'],
    [['GET /a/{b}', 'GET /{a}/b', 'GET /a/b'], undefined],
    [['GET /a/**', 'GET /{a}/b', 'GET /a/b'], undefined],
    [['GET /a/{b}', 'GET /a/b'], undefined],
    [['GET /a', 'PUT /a'], undefined],
    [['GET /a', 'GET /a/'], undefined],
    [['GET /{a}', 'GET /'], undefined],
    [['GET /a/{b}', 'GET /a/'], undefined],
    [['GET /**', 'GET /a/**', 'GET /a/{b}', 'GET /a/b'], undefined],
    [['GET /a/{b}/c', 'GET /a/b/d'], undefined],
    [['GET /A', 'GET /a'], undefined],
  ])('%j: %s', (patterns, expected) => {
    const problems = problemsOf(table(...patterns));
    if (expected === undefined) expect(problems).toEqual([]);
    else expect(problems).toEqual([`${patterns.length - 1}.match: ${expected} (routes[0])`]);
  });

  test('takes no parameter along from a branch that leads nowhere', () => {
    const find = toFindRoute(`
- { match: "GET /a/{y}/c", check: { type: task, id: "{y}", operation: read } }
- { match: "GET /{x}/b/d", check: { type: task, id: "{x}", operation: read } }`);
    expect(summarize(find(toRequest('GET /a/b/d')))).toBe('task a read');
    expect(summarize(find(toRequest('GET /a/b/c')))).toBe('task b read');
  });

  test('leaves a branch that leads nowhere', () => {
    const find = toFindRoute(table('GET /a/{b}/c', 'GET /a/b/d'));
    expect(find(toRequest('GET /a/b/c'))).toMatchObject({ route: 'GET /a/{b}/c' });
    expect(find(toRequest('GET /a/b/d'))).toMatchObject({ route: 'GET /a/b/d' });
    expect(find(toRequest('GET /a/b/e'))).toEqual({ kind: 'none' });
  });
});

describe('a table without ambiguities', () => {
  const segment = fc.constantFrom<PatternSegment>(
    { kind: 'literal', text: 'a' },
    { kind: 'literal', text: 'b' },
    { kind: 'parameter', name: 'p' },
  );
  const pattern = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.constantFrom('', 'slash', 'rest'))
    .map(([segments, end]): readonly PatternSegment[] => {
      if (end === 'rest') return [...segments, { kind: 'rest' }];
      return end === 'slash' ? [...segments, { kind: 'literal', text: '' }] : segments;
    });
  const path = fc
    .tuple(fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 }), fc.boolean())
    .map(([segments, hasSlash]) => (hasSlash ? [...segments, ''] : segments));

  /** As a pattern is described, without a tree. */
  function matches(segments: readonly PatternSegment[], asked: readonly string[]): boolean {
    const hasRest = segments.at(-1)?.kind === 'rest';
    if (hasRest ? asked.length < segments.length : asked.length !== segments.length) return false;
    return segments.every((one, index) => {
      if (one.kind === 'rest') return true;
      return one.kind === 'parameter' ? asked[index] !== '' : asked[index] === one.text;
    });
  }

  const rank = ({ kind }: PatternSegment) => ({ rest: 0, parameter: 1, literal: 2 })[kind];

  function isMoreSpecific(a: readonly PatternSegment[], b: readonly PatternSegment[]): boolean {
    const last: PatternSegment = { kind: 'rest' };
    const length = Math.max(a.length, b.length);
    return Array.from({ length }, (_, index) => index).every((at) => rank(a[at] ?? last) >= rank(b[at] ?? last));
  }

  test('gives each path the most specific of all routes that match it', () => {
    let matched = 0;
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 8 }), path, (patterns, asked) => {
        const kept: (readonly PatternSegment[])[] = [];
        for (const one of patterns) {
          const isClear = kept.every((other) => ['disjoint', 'ordered'].includes(relatePatterns(one, other).kind));
          if (isClear) kept.push(one);
        }
        const routes = kept.map((segments): Route => ({
          methods: ['GET'],
          path: '',
          segments,
          action: { kind: 'public' },
        }));
        const all = kept.filter((segments) => matches(segments, asked));
        const best = all.find((one) => all.every((other) => isMoreSpecific(one, other)));
        if (all.length > 0) expect(best).toBeDefined();
        if (all.length > 1) matched += 1;
        expect(createMatchTree(routes, '')('GET', asked)?.route.segments).toBe(best);
      }),
      { numRuns: 5_000 },
    );
    expect(matched).toBeGreaterThan(100);
  });

  test('two patterns cross only if some path shows it, and their meet is what both match', () => {
    fc.assert(
      fc.property(pattern, pattern, path, (a, b, asked) => {
        const relation = relatePatterns(a, b);
        const both = matches(a, asked) && matches(b, asked);
        if (relation.kind === 'disjoint') expect(both).toBe(false);
        if (relation.kind === 'same') expect(matches(a, asked)).toBe(matches(b, asked));
        if (relation.kind === 'crossed') expect(matches(relation.meet, asked)).toBe(both);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('what is valid can be decided: no request makes a plan that the configuration has no rule for', () => {
  const routes = toRoutes(`
- { match: "GET /a/{x}", check: { type: event, id: "{x}", operation: read } }
- { match: "GET /b", check: { type: task, id: "*", operation: create } }
- { match: "GET /c/{x}", check: { type: task, name: "{x}", operation: cancel, create_if_absent: true } }
- { match: "GET /d/{x}", check: { type: event, id: "*", operation: create, parent: { type: task, name: "{x}" } } }
- { match: "GET /e/{x}", check: { type: checkpoint, id: "{x}", operation: delete } }
`);
  const find = toFindRoute(JSON.stringify(formatRouteTable(routes)));
  for (const line of ['GET /a/1', 'GET /b', 'GET /c/1', 'GET /d/1', 'GET /e/1']) {
    const match = find(toRequest(line));
    if (match.kind !== 'check') throw new Error(line);
    expect(() => planCheck(match.check, { types: TYPES, consistencyByOperation: new Map() })).not.toThrow();
  }
});

test('formatted and parsed again it is the same table', () => {
  const yaml = `
- { match: "GET,PUT /a/{x}/{y}/**", check: { type: task, id: "{x}/{y}", operation: read, consistency: fully_consistent } }
- { match: GET /, authenticated: true }
- match: POST /rpc
  json_rpc: { a/b: { type: task, id: "{params.a.b}", name: "{params.c}", operation: update, create_if_absent: true } }
  also: [{ type: agent, name: "{query.n}", operation: execute, if_given: true }]
`;
  const routes = toRoutes(yaml);
  expect(parseRouteTable(formatRouteTable(routes), TYPES)).toEqual({ kind: 'valid', routes });
});
