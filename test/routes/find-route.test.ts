import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import type { AskedRequest } from './support.ts';
import { summarize, toFindRoute, toRequest } from './support.ts';

const findRoute = toFindRoute(`
- { match: "GET,PUT /tasks/{task_id}", check: { type: task, id: "{task_id}", operation: update } }
- { match: "HEAD /tasks/{task_id}", check: { type: task, id: "{task_id}", operation: read } }
- { match: "POST /tasks", check: { type: task, id: "*", operation: create } }
- { match: "POST /checkpoints/put", check: { type: checkpoint, id: "{body.thread_id}", operation: update } }
- { match: "POST /deep", check: { type: task, id: "{body.a.b-c}", operation: read, consistency: fully_consistent } }
- { match: "POST /proto", check: { type: task, id: "{body.__proto__.id}", operation: read } }
- match: POST /messages
  check: { type: message, id: "*", operation: create, parent: { type: task, id: "{body.task_id}" } }
- match: GET /keys
  check: { type: agent, id: "{query.agent_id}", name: "{query.agent_name}", operation: read }
- match: POST /register
  check: { type: agent, name: "{body.name}", operation: update, create_if_absent: true }
  also: [{ type: agent, id: "{body.agent_id}", operation: update, if_given: true }]
- { match: "GET /agents/{agent_id}/schedules/{id}", check: { type: schedule, id: "{agent_id}/{id}", operation: read } }
- match: POST /agents/{agent_id}/rpc
  also: [{ type: agent, id: "{agent_id}", operation: execute }]
  json_rpc:
    task/create: { type: task, id: "*", operation: create }
    task/cancel: { type: task, id: "{params.task_id}", name: "{params.task_name}", operation: cancel }
    message/send:
      type: task
      id: "{params.task_id}"
      name: "{params.task_name}"
      operation: update
      create_if_absent: true
      create_if_unnamed: true
`);

function ask(line: string, asked: AskedRequest = {}): string {
  const match = findRoute(toRequest(line, asked));
  return match.kind === 'malformed' ? `malformed: ${match.problem}` : summarize(match);
}

const rpc = (call: unknown) => ask('POST /agents/a-1/rpc', { body: JSON.stringify(call) });

test.each([
  ['GET /tasks/t', 'task t update'],
  ['PUT /tasks/t', 'task t update'],
  ['HEAD /tasks/t', 'task t read'],
  ['POST /tasks', 'task * create'],
  ['HEAD /tasks', 'none'],
  ['HEAD /keys?agent_id=a', 'agent a read'],
  ['GET /keys?agent_name=a%2Fb', 'agent name:a/b read'],
  ['GET /keys?agent_id=a&agent_name=b', 'malformed: gives both the id and the name of the agent'],
  ['GET /keys', 'malformed: names no agent'],
  ['GET /agents/a/schedules/s', 'schedule a/s read'],
])('%s is %s', (line, expected) => {
  expect(ask(line)).toBe(expected);
});

test('puts the base path before every path', () => {
  const find = toFindRoute('[{ match: "GET /tasks/{id}", check: { type: task, id: "{id}", operation: read } }]', {
    basePath: '/api/v1',
  });
  expect(summarize(find(toRequest('GET /api/v1/tasks/t')))).toBe('task t read');
  expect(find(toRequest('GET /api/v1/tasks/t'))).toMatchObject({ route: 'GET /api/v1/tasks/{id}' });
  for (const line of [
    'GET /tasks/t',
    'GET /api/tasks/t',
    'GET /api/v1',
    'GET /API/v1/tasks/t',
    'GET /api/v1/api/v1/tasks/t',
  ]) {
    expect(find(toRequest(line))).toEqual({ kind: 'none' });
  }
});

describe('a body', () => {
  const put = (asked: AskedRequest) => ask('POST /checkpoints/put', asked);

  test.each<[string, string]>([
    ['{"thread_id":"t"}', 'checkpoint t update'],
    [' \r\n\t{"x":[{"thread_id":"u"}],"thread_id":"t"} ', 'checkpoint t update'],
    ['{"thread\\u005fid":"t"}', 'checkpoint t update'],
    ['{"thread_id":"\\u0074"}', 'checkpoint t update'],
    ['{"thread_id":"t","x":"\\ud83d\\ude00"}', 'checkpoint t update'],
    ['{"thread_id":"t","thread_id":"u"}', 'malformed: the body is not clear: a key is there twice'],
    ['{"thread_id":"t","thread\\u005fid":"u"}', 'malformed: the body is not clear: a key is there twice'],
    ['{"thread_id":"t","x":{"a":1,"a":1}}', 'malformed: the body is not clear: a key is there twice'],
    ['{"thread_id":"\\ud800"}', 'malformed: the body is not clear: a text has half of a surrogate pair'],
    ['{"thread_id":"t","x":["\\udc00"]}', 'malformed: the body is not clear: a text has half of a surrogate pair'],
    ['{"thread_id":"t","\\ud800":1}', 'malformed: the body is not clear: a text has half of a surrogate pair'],
    ['{"thread_id":"\ufffd"}', 'malformed: the id must be well-formed Unicode'],
    ['{"thread_id":"*"}', 'malformed: the id is *'],
    ['{"thread_id":"\\u002a"}', 'malformed: the id is *'],
    ['{"thread_id":""}', 'malformed: the id must not be empty'],
    ['{"thread_id":"\\u0000"}', 'malformed: the id must not contain NUL'],
    ['{"thread_id":null}', 'malformed: names no checkpoint'],
    ['{}', 'malformed: names no checkpoint'],
    ['{"thread_id":1}', 'malformed: thread_id is not a text'],
    ['{"thread_id":["t"]}', 'malformed: thread_id is not a text'],
    ['{"thread_id":{"id":"t"}}', 'malformed: thread_id is not a text'],
    ['{"__proto__":{"thread_id":"t"}}', 'malformed: names no checkpoint'],
    ['[{"thread_id":"t"}]', 'malformed: thread_id is not in an object'],
    ['"thread_id"', 'malformed: thread_id is not in an object'],
    ['null', 'malformed: names no checkpoint'],
    ['', 'malformed: the body is empty'],
    ['{"thread_id":"t"', 'malformed: the body is not JSON'],
    ['{"thread_id":"t"}{"thread_id":"u"}', 'malformed: the body is not JSON'],
    ['{"thread_id":"t",}', 'malformed: the body is not JSON'],
    ["{'thread_id':'t'}", 'malformed: the body is not JSON'],
    ['{"thread_id":"t","x":NaN}', 'malformed: the body is not JSON'],
    ['{"thread_id":"t"/* u */}', 'malformed: the body is not JSON'],
    ['\ufeff{"thread_id":"t"}', 'malformed: the body is not JSON'],
    ['thread_id=t', 'malformed: the body is not JSON'],
    [`{"thread_id":"t","x":${'['.repeat(65)}${']'.repeat(65)}}`, 'malformed: the body nests too deeply'],
    ['['.repeat(1_000_000), 'malformed: the body nests too deeply'],
    [`{"thread_id":"t","x":"${'x'.repeat(5_000_000)}"}`, 'malformed: the body is too long'],
  ])('%.60s', (body, expected) => {
    expect(put({ body })).toBe(expected);
  });

  const GOOD = Buffer.from('{"thread_id":"t"}');

  test.each<[string, AskedRequest]>([
    ['that is not sent', { headers: { 'content-type': 'application/json' } }],
    ['that is cut', { headers: { 'content-type': 'application/json' }, body: { kind: 'cut' } }],
    ['without a content type', { body: GOOD }],
    ['that is a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: GOOD }],
    ['that is text', { headers: { 'content-type': 'text/plain' }, body: GOOD }],
    ['in several types', { headers: { 'content-type': ['application/json', 'text/plain'] }, body: GOOD }],
    ['in a list of types', { headers: { 'content-type': 'text/plain, application/json' }, body: GOOD }],
    ['in a type that only ends like one', { headers: { 'content-type': 'text/x+json' }, body: GOOD }],
    ['in another encoding', { headers: { 'content-type': 'application/json; charset=utf-16' }, body: GOOD }],
    ['with two parameters', { headers: { 'content-type': 'application/json;charset=utf-8;x=y' }, body: GOOD }],
    [
      'that is packed',
      { headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' }, body: gzipSync(GOOD) },
    ],
    [
      'that says it is packed',
      { headers: { 'content-type': 'application/json', 'content-encoding': 'br' }, body: GOOD },
    ],
    [
      'in UTF-16',
      { headers: { 'content-type': 'application/json' }, body: Buffer.from('{"thread_id":"t"}', 'utf16le') },
    ],
    [
      'that is no UTF-8',
      { headers: { 'content-type': 'application/json' }, body: Buffer.from('{"thread_id":"t","x":"\xff"}', 'latin1') },
    ],
  ])('%s is malformed', (_, asked) => {
    expect(put(asked)).toMatch(/^malformed: /);
  });

  test.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/problem+json',
  ])('is read as %s', (type) => {
    expect(put({ headers: { 'content-type': type }, body: GOOD })).toBe('checkpoint t update');
  });

  test('is not looked at where the route does not need it', () => {
    expect(ask('PUT /tasks/t', { headers: { 'content-type': 'text/html' }, body: { kind: 'cut' } })).toBe(
      'task t update',
    );
  });

  test('is read by keys from the top, which it has itself', () => {
    expect(ask('POST /deep', { body: '{"a":{"b-c":"t"}}' })).toBe('task t read');
    expect(ask('POST /deep', { body: '{"a":null}' })).toBe('malformed: names no task');
    expect(ask('POST /deep', { body: '{"a":["t"]}' })).toBe('malformed: a.b-c is not in an object');
    expect(ask('POST /proto', { body: '{"__proto__":{"id":"t"}}' })).toBe('task t read');
    expect(ask('POST /proto', { body: '{}' })).toBe('malformed: names no task');
    expect(findRoute(toRequest('POST /deep', { body: '{"a":{"b-c":"t"}}' }))).toMatchObject({
      check: { consistency: FULLY_CONSISTENT },
    });
  });

  test('names the parent of what is new', () => {
    expect(ask('POST /messages', { body: '{"task_id":"t"}' })).toBe('message * create in t');
    expect(ask('POST /messages', { body: '{}' })).toBe('malformed: names no task');
    expect(ask('POST /messages', { body: '{"task_id":"*"}' })).toBe('malformed: the id is *');
  });

  test('may name more, and then both must hold', () => {
    expect(ask('POST /register', { body: '{"name":"n"}' })).toBe('agent name:n update or create');
    expect(ask('POST /register', { body: '{"name":"n","agent_id":"a"}' })).toBe(
      'agent name:n update or create and agent a update',
    );
    expect(ask('POST /register', { body: '{"name":"n","agent_id":"*"}' })).toBe('malformed: the id is *');
    expect(ask('POST /register', { body: '{"name":"n","agent_id":7}' })).toBe('malformed: agent_id is not a text');
  });
});

describe('JSON-RPC', () => {
  const call = (method: string, params?: unknown) => ({
    jsonrpc: '2.0',
    id: 1,
    method,
    ...(params === undefined ? {} : { params }),
  });

  test.each<[string, unknown, string]>([
    ['create', call('task/create', { name: 'n' }), 'task * create and agent a-1 execute'],
    ['without params', call('task/create'), 'task * create and agent a-1 execute'],
    ['by id', call('task/cancel', { task_id: 't' }), 'task t cancel and agent a-1 execute'],
    ['by name', call('task/cancel', { task_name: 'n', task_id: null }), 'task name:n cancel and agent a-1 execute'],
    [
      'by name that may be free',
      call('message/send', { task_name: 'n' }),
      'task name:n update or create and agent a-1 execute',
    ],
    ['by id that may not', call('message/send', { task_id: 't' }), 'task t update and agent a-1 execute'],
    ['that creates', call('message/send', {}), 'task * create and agent a-1 execute'],
    [
      'by both',
      call('task/cancel', { task_id: 't', task_name: 'n' }),
      'malformed: gives both the id and the name of the task',
    ],
    ['by neither', call('task/cancel', {}), 'malformed: names no task'],
    ['by a star', call('task/cancel', { task_id: '*' }), 'malformed: the id is *'],
    ['of an unknown method', call('task/delete', { task_id: 't' }), 'malformed: the method is not in the table'],
    ['of a method of objects', call('constructor', {}), 'malformed: the method is not in the table'],
    ['of a method in other case', call('Task/Cancel', { task_id: 't' }), 'malformed: the method is not in the table'],
    ['of a method with a space', call('task/cancel ', { task_id: 't' }), 'malformed: the method is not in the table'],
    ['with params by place', call('task/cancel', ['t']), 'malformed: params are not an object'],
    ['with params null', call('task/create', null), 'malformed: params are not an object'],
    ['in a batch', [call('task/create', {})], 'malformed: the call is a batch'],
    ['in an empty batch', [], 'malformed: the call is a batch'],
    ['that is a text', 'task/create', 'malformed: the call is not an object'],
    ['of another version', { ...call('task/create'), jsonrpc: '1.0' }, 'malformed: jsonrpc is not "2.0"'],
    ['of a number as version', { ...call('task/create'), jsonrpc: 2.0 }, 'malformed: jsonrpc is not "2.0"'],
    ['of no version', { method: 'task/create' }, 'malformed: jsonrpc is not "2.0"'],
    ['without method', { jsonrpc: '2.0' }, 'malformed: method is not a text'],
    [
      'with an id that is an object',
      { ...call('task/create'), id: {} },
      'malformed: id is not a text, a number or null',
    ],
    ['that is a notification', { jsonrpc: '2.0', method: 'task/create' }, 'task * create and agent a-1 execute'],
  ])('a call %s', (_, body, expected) => {
    expect(rpc(body)).toBe(expected);
  });

  test('refuses a method that is there twice', () => {
    const body = '{"jsonrpc":"2.0","method":"task/create","params":{"task_id":"t"},"method":"task/cancel"}';
    expect(ask('POST /agents/a-1/rpc', { body })).toMatch('a key is there twice');
  });

  test('names the route by its method, out of a closed set', () => {
    const route = (body: unknown) => {
      const match = findRoute(toRequest('POST /agents/a-1/rpc', { body: JSON.stringify(body) }));
      return 'route' in match ? match.route : undefined;
    };
    expect(route(call('task/create'))).toBe('POST /agents/{agent_id}/rpc task/create');
    expect(route(call('x'))).toBe('POST /agents/{agent_id}/rpc');
  });
});
