import { expect, test } from 'vitest';
import type { CheckRecord, DecisionRecord } from '../../src/authorize/ports.ts';
import { FULLY_CONSISTENT, MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { MaskOptions } from '../../src/telemetry/show-fields.ts';
import { createDecisionLine } from '../../src/telemetry/decision-line.ts';
import { createDecisionWriter } from '../../src/telemetry/decision-writer.ts';

const RECORD: CheckRecord = {
  decisionId: 'decision-1',
  caller: 'api',
  principal: { kind: 'user', id: 'alice\n"', account: 'acme' },
  type: 'message',
  operation: 'read',
  outcome: 'ALLOWED',
  reason: 'held',
  check: {
    resource: { type: 'message', key: { kind: 'id', id: 'msg-1' } },
    operation: 'read',
    consistency: MINIMIZE_LATENCY,
    createIfAbsent: false,
  },
  evidence: { parent: 'memory', relationships: 'cache', checkedAt: 'token-1' },
  startedAtMs: 10,
};

function toLine(record: DecisionRecord, options: Partial<MaskOptions> = {}): Record<string, unknown> {
  const deps = { clock: { nowMs: () => Date.UTC(2026, 0, 2) }, stopwatchMs: () => 12.3456789 };
  const line = createDecisionLine(deps, { mask: new Map(), hashKey: undefined, ...options })(record);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  return JSON.parse(line) as Record<string, unknown>;
}

test('is one line with all that is known', () => {
  expect(toLine({ ...RECORD, traceId: 'trace-1' })).toEqual({
    kind: 'decision',
    id: 'decision-1',
    time: '2026-01-02T00:00:00.000Z',
    caller: 'api',
    principal: { kind: 'user', id: 'alice\n"', account: 'acme' },
    resource: { type: 'message', id: 'msg-1' },
    operation: 'read',
    decision: 'ALLOWED',
    reason: 'held',
    revision: 'token-1',
    sources: { parent: 'memory', relationships: 'cache' },
    latency_ms: 2.346,
    trace_id: 'trace-1',
  });
});

test('says what was special about the question, and nothing of what was not decided', () => {
  const check = {
    ...RECORD.check,
    resource: { type: 'task', key: { kind: 'name', name: 'nightly' } },
    consistency: FULLY_CONSISTENT,
    createIfAbsent: true,
  } as const;
  const line = toLine({
    ...RECORD,
    type: 'task',
    check,
    outcome: 'ERROR',
    reason: 'UnavailableError',
    evidence: undefined,
  });
  expect(line).toMatchObject({
    resource: { type: 'task', name: 'nightly' },
    decision: 'ERROR',
    flags: ['fully_consistent', 'create_if_absent'],
  });
  expect(line).not.toHaveProperty('revision');
  expect(line).not.toHaveProperty('sources');
});

test('says what the rollout did, and times the answer, not what was decided beside it', () => {
  const line = toLine({
    ...RECORD,
    answeredAtMs: 11.3456,
    enforcement: 'shadow',
    legacy: 'allow',
    shadow: { outcome: 'NOT_FOUND', reason: 'denied' },
    difference: 'legacy_allow_we_deny',
    evidence: undefined,
  });
  expect(line).toMatchObject({
    time: '2026-01-01T23:59:59.999Z',
    latency_ms: 1.346,
    flags: [
      'enforcement=shadow',
      'legacy=allow',
      'shadow=NOT_FOUND',
      'shadow_reason=denied',
      'difference=legacy_allow_we_deny',
    ],
  });
  expect(toLine({ ...RECORD, enforcement: 'enforce', bypass: true })['flags']).toEqual([
    'enforcement=enforce',
    'bypass',
  ]);
});

test('has no more of a question about the schema than that', () => {
  const { check: _, ...asked } = RECORD;
  const line = toLine({ ...asked, principal: { kind: 'team', id: 'a' }, type: 'folder', operation: 'view' });
  expect(line).toMatchObject({ resource: { type: 'folder' }, operation: 'view', principal: { kind: 'team', id: 'a' } });
  expect(line).not.toHaveProperty('flags');
});

test('leaves out and hashes what is masked, the same for the same value of the same field', () => {
  const hashKey = 'a key that is long enough for this';
  const mask = new Map([
    ['principal.id', 'hash'],
    ['principal.account', 'hash'],
    ['resource.id', 'hash'],
    ['caller', 'omit'],
  ] as const);
  const principal = { kind: 'user', id: 'same', account: 'same' } as const;
  const line = toLine({ ...RECORD, principal }, { mask, hashKey });
  expect(JSON.stringify(line)).not.toMatch(/"(?:same|msg-1|api)"/);
  expect(line).not.toHaveProperty('caller');
  const { principal: shown } = line as { principal: { id: string; account: string } };
  expect(shown.id).toMatch(/^hash:[0-9a-f]{32}$/);
  expect(shown.id).not.toBe(shown.account);
  expect(toLine({ ...RECORD, principal }, { mask, hashKey })).toEqual(line);
  expect(toLine({ ...RECORD, principal }, { mask, hashKey: `${hashKey}!` })).not.toEqual(line);
});

test('samples each outcome by its own share', () => {
  const written: string[] = [];
  const buffer = {
    hasRoom: () => true,
    write: (line: string) => void written.push(line),
    drop: () => {},
    bufferedBytes: () => 0,
    close: async () => {},
  };
  let random = 0;
  const writer = createDecisionWriter(
    { buffer, toLine: ({ outcome }) => outcome, toListLine: ({ outcome }) => outcome, random: () => random },
    { ALLOWED: 0.25, NOT_FOUND: 1, FORBIDDEN: 1, LISTED: 0.5, ERROR: 0 },
  );
  const list = { ...RECORD, method: 'list', types: ['task'], flags: [] } as const;
  for (let index = 0; index < 100; index += 1) {
    random = index / 100;
    for (const outcome of ['ALLOWED', 'NOT_FOUND', 'FORBIDDEN', 'ERROR'] as const) writer.write({ ...RECORD, outcome });
    for (const outcome of ['LISTED', 'ERROR'] as const) writer.writeList({ ...list, outcome });
  }
  const counts = Map.groupBy(written, (outcome) => outcome);
  expect([...counts].map(([outcome, lines]) => [outcome, lines.length])).toEqual([
    ['ALLOWED', 25],
    ['NOT_FOUND', 100],
    ['FORBIDDEN', 100],
    ['LISTED', 50],
  ]);
});
