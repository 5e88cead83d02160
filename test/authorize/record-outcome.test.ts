import { expect, it } from 'vitest';
import type { DecisionRecord } from '../../src/authorize/ports.ts';
import { recordOutcome } from '../../src/authorize/record-outcome.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Outcome, ShadowResult } from '../../src/domain/decision.ts';
import { NOT_FOUND } from '../../src/domain/decision.ts';

const ASKED = {
  decisionId: 'd-1',
  caller: 'api',
  startedAtMs: 5,
  traceId: 'trace-1',
  principal: { kind: 'user', id: 'alice', account: 'acme' },
  check: {
    resource: { type: 'message', key: { kind: 'id', id: 'm' } },
    operation: 'read',
    consistency: MINIMIZE_LATENCY,
    createIfAbsent: false,
  },
} as const;
const EVIDENCE = { parent: 'redis', relationships: 'spicedb', checkedAt: 'token-1' } as const;

it('passes on the call and what the decision rests on', () => {
  const records: DecisionRecord[] = [];
  const outcome: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'absent', evidence: EVIDENCE };
  recordOutcome({ record: (each) => void records.push(each) }, ASKED, outcome);
  expect(records).toMatchObject([{ startedAtMs: 5, traceId: 'trace-1', evidence: EVIDENCE, check: ASKED.check }]);
  expect(records[0]).not.toHaveProperty('answeredAtMs');
});

it('takes the time of an answer when it is known, and writes it once shadow has ended', async () => {
  const records: DecisionRecord[] = [];
  const shadow = Promise.withResolvers<ShadowResult>();
  let nowMs = 7;
  const rollout = { enforcement: 'shadow', legacy: 'allow', shadow: shadow.promise } as const;
  const outcome: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'legacy', rollout };
  recordOutcome({ record: (each) => void records.push(each) }, ASKED, outcome, () => nowMs);
  expect(records).toEqual([]);
  nowMs = 900;
  shadow.resolve({ kind: 'dropped' });
  await shadow.promise;
  expect(records).toMatchObject([{ startedAtMs: 5, answeredAtMs: 7, shadow: { outcome: 'DROPPED' } }]);
});
