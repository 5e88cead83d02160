import { expect, test } from 'vitest';
import { expectProblems, expectValid, load } from './support.ts';

const ROUTES = '[{ match: "GET /x", public: true }]';
const FILE = 'gateway: { routes_file: /routes.yaml }';

test('takes a table from a file, or in place', () => {
  const inline = expectValid(load({ yaml: `gateway: { routes: ${ROUTES}, base_path: /api/v1 }` })).gateway;
  const fromFile = expectValid(load({ yaml: FILE, files: { '/routes.yaml': `routes: ${ROUTES}` } })).gateway;
  expect(inline).toMatchObject({ basePath: '/api/v1', routes: [{ path: '/x' }] });
  expect(fromFile).toEqual({ ...inline, basePath: '', routesFile: '/routes.yaml' });
});

/** A file → its problems. */
test.each([
  [undefined, 'the file can not be read (ENOENT)'],
  ['routes: [', 'line 1, column 10: wrong indentation, or a bracket that is not closed'],
  ['a: &a 1\nroutes: *a', 'line 2, column 9: aliases are not supported: quote a value that starts with *'],
  [ROUTES, 'must be a mapping with routes and no other key'],
  [`routes: ${ROUTES}\nroute: []`, 'must be a mapping with routes and no other key'],
  ['', 'must be a mapping with routes and no other key'],
  ['routes: []', 'routes: must be a list of 1 to 1000 routes'],
  ['routes: [{ match: "GET /x", publik: true }]', 'routes[0].publik: is not a known key'],
  [
    'routes: [{ match: "GET /x", json_rpc: { a/b: { type: task, operation: read } } }]',
    'routes[0].json_rpc."a/b".id: is required, or name',
  ],
])('of a file %j says %s', (text, problem) => {
  const files = text === undefined ? {} : { '/routes.yaml': text };
  expect(expectProblems(load({ yaml: FILE, files }))).toContain(`gateway.routes_file: ${problem}`);
});

/** YAML → the problems, all of them. */
test.each<[string, ...string[]]>([
  ['gateway: { routes: 7 }', 'gateway.routes: must be a list of routes'],
  ['gateway: { routes: [] }', 'gateway.routes: must be a list of 1 to 1000 routes'],
  ['gateway: { route: [] }', 'gateway.route: is not a known key (did you mean routes?)'],
  [
    `gateway: { routes: ${ROUTES}, base_path: api/ }`,
    'gateway.base_path: must be a path without parameters and without a slash at its end, such as /api/v1',
  ],
  [
    `gateway: { routes: ${ROUTES}, base_path: / }`,
    'gateway.base_path: must be a path without parameters and without a slash at its end, such as /api/v1',
  ],
  [
    `gateway: { routes: ${ROUTES}, base_path: "/{v}" }`,
    'gateway.base_path: must be a path without parameters and without a slash at its end, such as /api/v1',
  ],
  [
    `gateway: { routes: [{ match: "GET /x", check: { type: nothing, id: x, operation: read } }, 7] }\nlog: { level: loud }`,
    'log.level: must be one of trace, debug, info, warn, error, fatal',
    'gateway.routes[0].check.type: is not a configured type',
    'gateway.routes[1]: must be a mapping with match, and public, authenticated, check or json_rpc',
  ],
])('%s', (yaml, ...expected) => {
  expect(expectProblems(load({ yaml }))).toEqual(expected);
});

test('takes one table only', () => {
  const yaml = `gateway: { routes_file: /routes.yaml, routes: ${ROUTES} }`;
  expect(expectProblems(load({ yaml, files: { '/routes.yaml': `routes: ${ROUTES}` } }))).toEqual([
    'gateway.routes_file: does not go with gateway.routes: one table',
  ]);
});

test('is silent about a type that is broken itself', () => {
  const yaml = `
gateway: { routes: [{ match: "GET /x", check: { type: thing, id: x, operation: read } }] }
types: { thing: { registered: perhaps, operations: { read: read } } }`;
  expect(expectProblems(load({ yaml }))).toEqual(['types.thing.registered: must be true or false']);
});
