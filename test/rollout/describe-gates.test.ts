import { expect, test } from 'vitest';
import { AdminService } from '../../src/gen/taskgate/admin/v1/admin_pb.js';
import { describeGates } from '../../src/rollout/describe-gates.ts';
import { callAdmin } from '../support/admin-client.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { startTestTaskgate, useTaskgate } from '../support/taskgate.ts';

const YAML = `
rollout:
  enforcement: shadow
  dual_write: "on"
  types: { event: { enforcement: "off" } }
  accounts:
    acme: { enforcement: enforce }
    globex: { enforcement: "off", dual_write: "off", types: { message: { enforcement: enforce }, agent: { dual_write: "on" } } }`;
const gate = useTaskgate({ yaml: YAML });

const rolloutOf = async (admin: string) => (await callAdmin(admin, AdminService.method.getState, {})).message?.rollout;

test('GetState tells what the gates say of accounts that are named, and of every other one', async () => {
  const rollout = await rolloutOf(gate().addresses.admin);
  expect(rollout).toMatchObject({
    provider: 'static',
    problem: '',
    safeDefault: { account: '', types: [], enforcement: 'shadow', dualWrite: 'on' },
    accountsLeftOut: 0,
  });
  const rows = rollout?.gates.map(({ account, types, enforcement, dualWrite }) => [
    account,
    types.length === 1 ? types[0] : types.includes('task') && `${types.length} with task`,
    enforcement,
    dualWrite,
  ]);
  const all = 9;
  expect(rows).toEqual([
    ['acme', `${all} with task`, 'enforce', 'on'],
    ['globex', `${all - 2} with task`, 'off', 'off'],
    ['globex', 'agent', 'off', 'on'],
    ['globex', 'message', 'enforce', 'off'],
    ['', `${all - 1} with task`, 'shadow', 'on'],
    ['', 'event', 'off', 'on'],
  ]);
});

test('where nothing is configured, every account is enforced', async () => {
  await using untouched = await startTestTaskgate();
  const rollout = await rolloutOf(untouched.addresses.admin);
  expect(rollout?.gates).toMatchObject([{ account: '', enforcement: 'enforce', dualWrite: 'on' }]);
  expect(rollout?.gates[0]?.types).toHaveLength(9);
});

test('flags that are told elsewhere are not asked for because somebody looks: their health is told', async () => {
  const yaml =
    'rollout: { provider: flagd, enforcement: "off", dual_write: "off", flagd: { host: 127.0.0.1, port: 1 } }';
  await using remote = await startTestTaskgate({ yaml });
  const { admin } = remote.addresses;
  const faults = async () =>
    (await exchangeHttp1(`http://${admin}/metrics`, { method: 'GET' })).body
      .split('\n')
      .filter((line) => line.startsWith('taskgate_rollout_flag_faults_total{flag="fgac-'));
  expect(await rolloutOf(admin)).toMatchObject({
    provider: 'flagd',
    safeDefault: { enforcement: 'off', dualWrite: 'off' },
    gates: [],
  });
  expect(await faults()).toEqual([]);
});

const TYPES = Array.from({ length: 100 }, (_, index) => `type-${index}`);

function countGates() {
  let [underWay, mostUnderWay, asked] = [0, 0, 0];
  const answer = async <Value>(value: Value): Promise<Value> => {
    asked += 1;
    underWay += 1;
    mostUnderWay = Math.max(mostUnderWay, underWay);
    await Promise.resolve();
    underWay -= 1;
    return value;
  };
  return {
    gates: {
      enforcement: async (type: string) => answer(type === 'type-7' ? ('off' as const) : ('enforce' as const)),
      dualWrite: async () => answer('on' as const),
    },
    figures: () => ({ asked, mostUnderWay }),
  };
}

test('asks a bounded number of questions, and says how many accounts are left out', async () => {
  const { gates, figures } = countGates();
  const accounts = Array.from({ length: 50 }, (_, index) => `account-${index}`);
  const { rows, accountsLeftOut } = await describeGates(gates, { accounts, types: TYPES });
  expect(accountsLeftOut).toBe(41);
  expect(figures()).toEqual({ asked: 2 * 1_000, mostUnderWay: TYPES.length });
  // The types that differ are a row of their own, in each account, and in every other one.
  expect(rows).toHaveLength(2 * 10);
  expect(rows.at(-1)).toEqual({ account: undefined, types: ['type-7'], enforcement: 'off', dualWrite: 'on' });
});
