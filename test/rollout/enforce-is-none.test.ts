import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import type { SampleStores, TestTaskgate } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';

/** Everybody who asks is enforced, and no shortcut knows it: somebody else is not, and somebody else is bypassed. */
const ENFORCED = `
rollout:
  enforcement: shadow
  accounts: { acme: { enforcement: enforce }, globex: { enforcement: enforce }, other: { enforcement: "off" } }
  bypass: [{ kind: user, id: nobody }]
`;
const SERVICE = '/taskgate.v1.AuthorizationService';

let stores: SampleStores;
let gates: readonly [TestTaskgate, TestTaskgate];
beforeAll(async () => {
  stores = await startSampleStores();
  const shared = { redisUrl: inject('redisUrl'), ...stores };
  gates = [await startWithStores(shared), await startWithStores(shared, { yaml: ENFORCED })];
});
afterAll(async () => {
  for (const gate of gates) await gate[Symbol.asyncDispose]();
  await stores[Symbol.asyncDispose]();
});

const principal = fc.record({
  userId: fc.constantFrom('alice', 'bob', 'carol', 'dave', 'mallory', '*'),
  accountId: fc.constantFrom('acme', 'globex'),
});
const resource = fc.oneof(
  fc.record({
    type: fc.constantFrom('task', 'message', 'agent', 'event', 'checkpoint', 'nonsense'),
    id: fc.constantFrom('task-1', 'task-9', 'msg-1', 'msg-9', 'agent-1', 'event-1', 'none', '*'),
  }),
  fc.record({ type: fc.constantFrom('task', 'message'), name: fc.constantFrom('quarterly-report', 'free') }),
);
const check = fc.record(
  {
    resource,
    operation: fc.constantFrom('OPERATION_READ', 'OPERATION_UPDATE', 'OPERATION_DELETE', 'OPERATION_CREATE'),
    createIfAbsent: fc.boolean(),
    legacyAnswer: fc.constantFrom('LEGACY_ANSWER_ALLOWED', 'LEGACY_ANSWER_DENIED'),
  },
  { requiredKeys: ['resource', 'operation'] },
);
const request = fc.oneof(
  fc.tuple(principal, check).map(([who, what]) => ['CheckTask', { principal: who, ...what }] as const),
  fc
    .tuple(principal, fc.array(check, { minLength: 1, maxLength: 6 }))
    .map(([who, checks]) => ['BatchCheckTask', { principal: who, checks }] as const),
  fc
    .tuple(principal, fc.array(resource, { minLength: 1, maxLength: 6 }))
    .map(([who, resources]) => ['FilterReadableTasks', { principal: who, resources }] as const),
);

/** All of an answer but what differs from call to call. */
async function exchange(gate: TestTaskgate, method: string, body: object): Promise<string> {
  const url = `http://${gate.addresses.http}${SERVICE}/${method}`;
  const answer = await exchangeHttp1(url, {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { date: _date, 'content-length': _length, 'taskgate-decision-id': id, ...headers } = answer.headers;
  expect(String(id)).toHaveLength(36);
  const untokened = answer.body.replaceAll(/"checkedAt":"[^"]+"/g, '"checkedAt":"…"');
  return JSON.stringify({ ...answer, headers, body: untokened });
}

it('enforce is, to the byte, what there is without rollout', async () => {
  let allowed = 0;
  await fc.assert(
    fc.asyncProperty(request, async ([method, body]) => {
      const [without, enforced] = await Promise.all(gates.map(async (gate) => exchange(gate, method, body)));
      expect(enforced).toBe(without);
      if (without?.includes('ALLOWED') === true) allowed += 1;
    }),
    { numRuns: 150 },
  );
  expect(allowed).toBeGreaterThan(5);
});
