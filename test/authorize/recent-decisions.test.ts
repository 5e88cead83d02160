import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DecisionRecord } from '../../src/authorize/ports.ts';
import { createRecentDecisions } from '../../src/authorize/recent-decisions.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';

function record(decisionId: string, overrides: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    decisionId,
    caller: 'main-api',
    principal: { kind: 'user', id: 'alice', account: 'acme' },
    type: 'message',
    operation: 'read',
    outcome: 'ALLOWED',
    reason: 'held',
    check: {
      resource: { type: 'message', key: { kind: 'id', id: 'm' } },
      operation: 'read',
      consistency: MINIMIZE_LATENCY,
      createIfAbsent: false,
    },
    startedAtMs: 0,
    ...overrides,
  };
}

function open(capacity: number) {
  const passedOn: DecisionRecord[] = [];
  let nowMs = 0;
  const made = createRecentDecisions(
    { next: { record: (each) => void passedOn.push(each) }, clock: { nowMs: () => (nowMs += 1) } },
    { capacity },
  );
  return { ...made, passedOn };
}

/** A clock that the test moves. */
function openAt(capacity: number) {
  const time = { nowMs: 0 };
  const passedOn: DecisionRecord[] = [];
  const made = createRecentDecisions(
    { next: { record: (each) => void passedOn.push(each) }, clock: { nowMs: () => time.nowMs } },
    { capacity },
  );
  return { ...made, passedOn, time };
}

const ALL = { after: 0, limit: 1_000 };

describe('recent decisions', () => {
  it('are the latest, the last first, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 7 }),
        fc.integer({ min: 0, max: 30 }),
        fc.nat(40),
        (capacity, count, after) => {
          const { log, recent, passedOn } = open(capacity);
          const ids = Array.from({ length: count }, (_, index) => `${index + 1}`);
          for (const id of ids) log.record(record(id));
          const kept = ids.slice(Math.max(0, count - capacity)).toReversed();
          expect(recent.list(ALL).map((each) => each.record.decisionId)).toEqual(kept);
          expect(recent.list({ ...ALL, after }).map(({ sequence }) => sequence)).toEqual(
            kept.map(Number).filter((sequence) => sequence > after),
          );
          expect([recent.latest, recent.kept, passedOn.length]).toEqual([count, kept.length, count]);
          for (const id of ids) expect(recent.find(id, 0)?.record.decisionId).toBe(kept.includes(id) ? id : undefined);
        },
      ),
    );
  });

  it.each([
    ['outcome', { outcome: 'NOT_FOUND' }],
    ['type', { type: 'task' }],
    ['operation', { operation: 'delete' }],
    ['account', { account: 'globex' }],
    ['principal', { principalId: 'bob' }],
  ] as const)('can be filtered by %s', (_, filter) => {
    const { log, recent } = open(10);
    log.record(record('plain'));
    log.record(
      record('other', {
        outcome: 'NOT_FOUND',
        type: 'task',
        operation: 'delete',
        principal: { kind: 'user', id: 'bob', account: 'globex' },
      }),
    );
    log.record(record('plain'));
    expect(recent.list({ ...ALL, ...filter }).map((each) => each.record.decisionId)).toEqual(['other']);
  });

  it('of a batch, which all have one id, are found by their place', () => {
    const { log, recent } = open(10);
    for (const type of ['a', 'b', 'c']) log.record(record('batch', { type }));
    expect([0, 1, 2, 3].map((index) => recent.find('batch', index)?.record.type)).toEqual(['a', 'b', 'c', undefined]);
  });

  it('are a hundred a second of those that are allowed, and as many others, and all are passed on', () => {
    const { log, recent, passedOn, time } = openAt(1_000);
    const outcomesOf = () => recent.list(ALL).map((each) => each.record.outcome);
    for (let index = 0; index < 150; index += 1) log.record(record(`allowed-${index}`));
    log.record(record('denied', { outcome: 'NOT_FOUND' }));
    expect(outcomesOf().filter((outcome) => outcome === 'ALLOWED')).toHaveLength(100);
    expect(outcomesOf()[0]).toBe('NOT_FOUND');
    expect(passedOn).toHaveLength(151);
    time.nowMs += 1_000;
    log.record(record('later'));
    expect(recent.list(ALL)[0]?.record.decisionId).toBe('later');
    for (let index = 0; index < 150; index += 1) log.record(record(`denied-${index}`, { outcome: 'FORBIDDEN' }));
    expect(outcomesOf().filter((outcome) => outcome === 'FORBIDDEN')).toHaveLength(100);
  });
});
