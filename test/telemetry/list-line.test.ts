import { expect, test } from 'vitest';
import type { ListRecord } from '../../src/authorize/ports-list-log.ts';
import { createListLine } from '../../src/telemetry/list-line.ts';
import { createListLog } from '../../src/telemetry/list-log.ts';
import type { MaskOptions } from '../../src/telemetry/show-fields.ts';

const RECORD: ListRecord = {
  method: 'filter',
  decisionId: 'decision-1',
  caller: 'api',
  principal: { kind: 'user', id: 'alice', account: 'acme' },
  types: ['message'],
  operation: 'read',
  outcome: 'LISTED',
  reason: 'decided',
  asked: 10,
  listed: 3,
  revision: 'token-1',
  flags: ['fully_consistent'],
  startedAtMs: 10,
  traceId: 'trace-1',
};

function toLine(record: ListRecord, options: Partial<MaskOptions> = {}): Record<string, unknown> {
  const deps = { clock: { nowMs: () => Date.UTC(2026, 0, 2) }, stopwatchMs: () => 12.3456789 };
  const line = createListLine(deps, { mask: new Map(), hashKey: undefined, ...options })(record);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  return JSON.parse(line) as Record<string, unknown>;
}

test('is one line with what is known of the whole list', () => {
  expect(toLine(RECORD)).toEqual({
    kind: 'list',
    method: 'filter',
    id: 'decision-1',
    time: '2026-01-02T00:00:00.000Z',
    caller: 'api',
    principal: { kind: 'user', id: 'alice', account: 'acme' },
    resource: { type: 'message' },
    operation: 'read',
    decision: 'LISTED',
    reason: 'decided',
    asked: 10,
    listed: 3,
    revision: 'token-1',
    latency_ms: 2.346,
    flags: ['fully_consistent'],
    trace_id: 'trace-1',
  });
});

test('names several types as several, and says nothing of what is not known', () => {
  const { asked: _, listed: __, revision: ___, traceId: ____, ...rest } = RECORD;
  const line = toLine({
    ...rest,
    principal: { kind: 'user' },
    types: ['message', 'task'],
    outcome: 'ERROR',
    reason: 'UnavailableError',
    flags: [],
  });
  expect(line).toMatchObject({ principal: { kind: 'user' }, resource: { types: ['message', 'task'] } });
  for (const field of ['asked', 'listed', 'revision', 'flags', 'trace_id']) expect(line).not.toHaveProperty(field);
});

test('is masked as decisions are', () => {
  const mask = new Map([
    ['caller', 'omit'],
    ['principal.id', 'hash'],
    ['principal.account', 'omit'],
  ] as const);
  const line = toLine(RECORD, { mask, hashKey: 'a key that is long enough for this' });
  expect(line).not.toHaveProperty('caller');
  expect(line['principal']).toEqual({ kind: 'user', id: expect.stringMatching(/^hash:[0-9a-f]{32}$/) });
});

test('types that a caller made up are one in the line of a filter', () => {
  const written: ListRecord[] = [];
  const types = new Map([['message', { name: 'message', registered: false, named: false, rules: new Map() }]]);
  const log = createListLog({ types, writer: { writeList: (record) => void written.push(record) } });
  log?.record({ ...RECORD, types: ['made up', 'message', 'x'.repeat(10_000)] });
  expect(written.map((record) => record.types)).toEqual([['unknown', 'message']]);
});

test('nobody makes records where nobody writes them', () => {
  expect(createListLog({ types: new Map(), writer: undefined })).toBeUndefined();
});
