import { expect, test, vi } from 'vitest';
import { createDecisionGate } from '../../src/authorize/gate-decisions.ts';
import type { DecideCheck, DecideChecks } from '../../src/authorize/ports.ts';
import { createShadowRunner } from '../../src/authorize/run-in-shadow.ts';
import { MINIMIZE_LATENCY } from '../../src/domain/consistency.ts';
import type { Outcome } from '../../src/domain/decision.ts';
import { NOT_FOUND } from '../../src/domain/decision.ts';
import { UnavailableError } from '../../src/domain/errors.ts';
import type { Enforcement, LegacyAnswer } from '../../src/domain/rollout.ts';
import type { TaskCheck } from '../../src/domain/task-check.ts';
import { expectValid, load } from '../config/support.ts';
import { recordObserver, userOf } from '../rollout/support.ts';
import { callContext } from '../support/spicedb.ts';

const { types } = expectValid(load({}));
const DENIED: Outcome = { kind: 'decided', decision: NOT_FOUND, reason: 'denied' };
const FAILED: Outcome = { kind: 'failed', error: new UnavailableError('spicedb') };
const CHECK: TaskCheck = {
  resource: { type: 'message', key: { kind: 'id', id: 'm' } },
  operation: 'read',
  consistency: MINIMIZE_LATENCY,
  createIfAbsent: false,
};

function setUp({
  enforcement = 'shadow',
  enforcesAll = false,
  isBusy = false,
  offAnswer = 'allow',
  isBypassed,
}: {
  enforcement?: Enforcement;
  enforcesAll?: boolean;
  isBusy?: boolean;
  offAnswer?: LegacyAnswer;
  isBypassed?: () => boolean;
} = {}) {
  const observer = recordObserver();
  const shadow = createShadowRunner(
    { clock: { nowMs: Date.now }, isBusy: () => isBusy },
    { timeoutMs: 50, maxChecks: 100 },
  );
  const gates = { enforcement: () => enforcement, dualWrite: () => 'on' as const, enforcesAll };
  const plan = { types, consistencyByOperation: new Map() };
  return { observer, gate: createDecisionGate({ gates, observer, shadow }, { ...plan, offAnswer, isBypassed }) };
}

const untold: DecideCheck = () => {
  throw new Error('asked, although nobody may be');
};

test('is not there where everybody is enforced', () => {
  const { gate } = setUp({ enforcesAll: true });
  const decide: DecideCheck = () => DENIED;
  const decideAll: DecideChecks = async (_, checks) => checks.map(() => DENIED);
  expect(gate.gateCheck(decide, decide)).toBe(decide);
  expect(gate.gateChecks(decideAll, decideAll)).toBe(decideAll);
  const bypassing = setUp({ enforcesAll: true, isBypassed: () => true });
  expect(bypassing.gate.gateCheck(decide, decide)).not.toBe(decide);
});

test.each<[string, DecideCheck]>([
  ['fails', () => FAILED],
  ['fails later', async () => FAILED],
  ['rejects', async () => Promise.reject(new Error('a defect'))],
  ['hangs', async () => new Promise(() => undefined)],
])('shadow that %s never fails the request', async (_, inShadow) => {
  const { gate, observer } = setUp();
  const outcome = gate.gateCheck(untold, inShadow)(userOf('acme'), CHECK, callContext());
  expect(outcome).toMatchObject({ kind: 'decided', decision: { kind: 'ALLOWED' }, reason: 'unenforced' });
  await vi.waitFor(() =>
    expect(observer.told).toEqual(['answered message shadow unenforced 1', 'compared message could_not_tell']),
  );
});

test('shadow is dropped while there is too much else to do, alone and in a batch', async () => {
  const { gate, observer } = setUp({ isBusy: true });
  const never: DecideChecks = async () => Promise.reject(new Error('asked, although nobody may be'));
  const one = gate.gateCheck(untold, untold)(userOf('acme'), CHECK, callContext());
  expect(one).toMatchObject({ kind: 'decided', rollout: { shadow: { kind: 'dropped' } } });
  const many = await gate.gateChecks(never, never)(userOf('acme'), [CHECK, CHECK], callContext());
  expect(many).toMatchObject([{ decision: { kind: 'ALLOWED' } }, { decision: { kind: 'ALLOWED' } }]);
  expect(observer.told.filter((line) => line.startsWith('dropped'))).toEqual(['dropped 1', 'dropped 2']);
});

test('a batch in shadow whose answer is too short could not be told', async () => {
  const { gate, observer } = setUp();
  const short: DecideChecks = async () => [DENIED];
  await gate.gateChecks(short, short)(userOf('acme'), [CHECK, CHECK], callContext());
  await vi.waitFor(() =>
    expect(observer.told.filter((line) => line.startsWith('compared'))).toEqual([
      'compared message legacy_allow_we_deny',
      'compared message could_not_tell',
    ]),
  );
});

test('a bypassed principal in shadow is answered by the legacy rule, and compared as allowed', () => {
  const { gate, observer } = setUp({ isBypassed: () => true });
  const outcome = gate.gateCheck(untold, untold)(userOf('acme'), { ...CHECK, legacy: 'deny' }, callContext());
  expect(outcome).toMatchObject({ decision: NOT_FOUND, reason: 'legacy' });
  expect(observer.told).toEqual(['answered message shadow legacy 1', 'compared message legacy_deny_we_allow']);
});

test('off may answer that nothing is allowed', () => {
  const { gate } = setUp({ enforcement: 'off', offAnswer: 'deny' });
  const outcome = gate.gateCheck(untold, untold)(userOf('acme'), CHECK, callContext());
  expect(outcome).toMatchObject({ decision: NOT_FOUND, reason: 'unenforced' });
});
