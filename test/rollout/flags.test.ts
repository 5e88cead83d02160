import { describe, expect, it, vi } from 'vitest';
import type { StaticFlags } from '../../src/rollout/static-provider.ts';
import { KEEP_MS, openGates, providerOf, REFRESH_MS, userOf } from './support.ts';

const never = async (): Promise<never> => new Promise(() => undefined);
const ENFORCED = { enforcement: 'enforce', dualWrite: 'on' } as const;
const FLAGS: StaticFlags = {
  default: ENFORCED,
  types: new Map([['message', { enforcement: 'shadow' }]]),
  accounts: new Map([
    ['acme', { enforcement: 'off', types: new Map([['task', { enforcement: 'shadow', dualWrite: 'off' }]]) }],
    ['empty', { types: new Map() }],
  ]),
};

describe('flags of the configuration', () => {
  it.each([
    ['acme', 'task', 'shadow', 'off'],
    ['acme', 'message', 'off', 'on'],
    ['empty', 'message', 'shadow', 'on'],
    ['empty', 'task', 'enforce', 'on'],
    ['__proto__', 'task', 'enforce', 'on'],
    ['ACME', 'task', 'enforce', 'on'],
  ])('of %s for a %s are %s and %s', async (account, type, enforcement, dualWrite) => {
    await using rollout = await openGates({ kind: 'static', flags: FLAGS });
    expect(await rollout.gates.enforcement(type, userOf(account))).toBe(enforcement);
    expect(await rollout.gates.dualWrite(type, userOf(account))).toBe(dualWrite);
    expect(rollout.observer.told).toEqual([]);
    expect(rollout.gates.enforcesAll).toBe(false);
  });

  it('are known to be all `enforce` only where they are', async () => {
    const none = { default: ENFORCED, types: new Map(), accounts: new Map() };
    const nested = new Map([['a', { types: new Map([['task', { enforcement: 'off' as const }]]) }]]);
    const cases: readonly (readonly [StaticFlags, boolean])[] = [
      [none, true],
      [{ ...none, types: new Map([['task', { dualWrite: 'off' }]]) }, true],
      [{ ...none, default: { ...ENFORCED, enforcement: 'shadow' } }, false],
      [{ ...none, types: new Map([['task', { enforcement: 'off' }]]) }, false],
      [{ ...none, accounts: nested }, false],
    ];
    for (const [flags, expected] of cases) {
      await using rollout = await openGates({ kind: 'static', flags });
      expect(rollout.gates.enforcesAll).toBe(expected);
    }
  });
});

describe('a provider', () => {
  it('is asked by flag and account, and what it said is kept and renewed behind', async () => {
    const asked: string[] = [];
    let value = 'shadow';
    const provider = providerOf(async (flag, account) => {
      asked.push(`${flag} ${account}`);
      return value;
    });
    await using rollout = await openGates({ kind: 'custom', provider });
    const { gates, clock } = rollout;
    expect(await gates.enforcement('task', userOf('acme'))).toBe('shadow');
    expect(gates.enforcement('task', userOf('acme'))).toBe('shadow');
    expect(asked).toEqual(['fgac-task acme']);
    value = 'off';
    clock.advance(REFRESH_MS);
    expect(gates.enforcement('task', userOf('acme'))).toBe('shadow');
    await vi.waitFor(() => expect(gates.enforcement('task', userOf('acme'))).toBe('off'));
    expect(asked).toHaveLength(2);
  });

  it('is asked once by all who wait', async () => {
    let count = 0;
    const provider = providerOf(async () => {
      count += 1;
      await Promise.resolve();
      return 'off';
    });
    await using rollout = await openGates({ kind: 'custom', provider });
    const answers = Array.from({ length: 10 }, async () => rollout.gates.enforcement('task', userOf('acme')));
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['off']));
    expect(count).toBe(1);
  });

  it.each([
    ['true', true, 'on'],
    ['false', false, 'off'],
    ['the text on', 'on', 'on'],
    ['the text off', 'off', 'off'],
  ])('may say %s of dual-write', async (_, value, expected) => {
    await using rollout = await openGates({ kind: 'custom', provider: providerOf(async () => value) });
    expect(await rollout.gates.dualWrite('task', userOf('acme'))).toBe(expected);
    expect(rollout.observer.told).toEqual([]);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['hangs', never, 'timeout'],
    ['throws', async () => Promise.reject(new Error('no')), 'failed'],
    ['throws no error', async () => Promise.reject('no'), 'failed'], // oxlint-disable-line
    [
      'throws at once',
      () => {
        throw new Error('no');
      },
      'failed',
    ],
    ['says what there is not', async () => 'ENFORCE', 'unknown_variant'],
    ['says nothing', async () => undefined, 'unknown_variant'],
    ['says the empty text', async () => '', 'unknown_variant'],
    ['says an object', async () => ({ toString: () => 'off' }), 'unknown_variant'],
    ['says a list', async () => ['off'], 'unknown_variant'],
    ['says a number', async () => 0, 'unknown_variant'],
  ])('that %s means the safe default, visibly', async (_, resolve, fault) => {
    const safe = { enforcement: 'shadow', dualWrite: 'off' } as const;
    await using rollout = await openGates({ kind: 'custom', provider: providerOf(resolve) }, safe);
    const { gates, observer } = rollout;
    expect(await gates.enforcement('task', userOf('acme'))).toBe('shadow');
    expect(await gates.dualWrite('task', userOf('acme'))).toBe('off');
    expect(observer.told).toEqual([`faulted fgac-task ${fault}`, `faulted fgac-task-dual-write ${fault}`]);
    expect(rollout.problem()).toBe('flags that can not be told: fgac-task, fgac-task-dual-write');
    // Nobody waits again at once.
    expect(gates.enforcement('task', userOf('acme'))).toBe('shadow');
  });

  it('whose flag is disabled has said nothing of it, whatever value comes with that', async () => {
    const disabled = async () => ({ value: false, reason: 'DISABLED' }) as never;
    const provider = { ...providerOf(never), resolveBooleanEvaluation: disabled, resolveStringEvaluation: disabled };
    await using rollout = await openGates({ kind: 'custom', provider });
    expect(await rollout.gates.dualWrite('task', userOf('acme'))).toBe('on');
    expect(await rollout.gates.enforcement('task', userOf('acme'))).toBe('enforce');
    expect(rollout.observer.told).toEqual(['faulted fgac-task-dual-write disabled', 'faulted fgac-task disabled']);
  });

  it('that fails meanwhile is covered by what it said, for as long as that is kept, and then by the safe default', async () => {
    let works = true;
    const provider = providerOf(async () => (works ? 'off' : Promise.reject(new Error('no'))));
    await using rollout = await openGates({ kind: 'custom', provider });
    const { gates, observer, clock } = rollout;
    expect(await gates.enforcement('task', userOf('acme'))).toBe('off');
    works = false;
    clock.advance(REFRESH_MS);
    expect(gates.enforcement('task', userOf('acme'))).toBe('off');
    await vi.waitFor(() => expect(observer.told).toEqual(['faulted fgac-task failed']));
    expect(gates.enforcement('task', userOf('acme'))).toBe('off');
    clock.advance(KEEP_MS);
    expect(await gates.enforcement('task', userOf('acme'))).toBe('enforce');
    works = true;
    clock.advance(REFRESH_MS);
    expect(gates.enforcement('task', userOf('acme'))).toBe('enforce');
    await vi.waitFor(() => expect(gates.enforcement('task', userOf('acme'))).toBe('off'));
    expect(observer.told.at(-1)).toBe('recovered fgac-task');
    expect(rollout.problem()).toBeUndefined();
  });

  it('that answers late is heard', async () => {
    const gate = Promise.withResolvers<string>();
    await using rollout = await openGates({ kind: 'custom', provider: providerOf(async () => gate.promise) });
    expect(await rollout.gates.enforcement('task', userOf('acme'))).toBe('enforce');
    gate.resolve('off');
    await vi.waitFor(() => expect(rollout.gates.enforcement('task', userOf('acme'))).toBe('off'));
  });

  it('that hangs is asked no more than a thousand times at once', async () => {
    let asked = 0;
    const provider = providerOf(async () => {
      asked += 1;
      return never();
    });
    await using rollout = await openGates({ kind: 'custom', provider });
    const answers = Array.from({ length: 1_200 }, async (_, n) => rollout.gates.enforcement('task', userOf(`a-${n}`)));
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['enforce']));
    expect(asked).toBe(1_000);
    expect(rollout.observer.told.filter((line) => line.endsWith('overloaded'))).toHaveLength(200);
  });

  it('that can not start is seen, and counts where it answers all the same', async () => {
    const provider = { ...providerOf(async () => 'off'), initialize: async () => Promise.reject(new Error('no')) };
    await using rollout = await openGates({ kind: 'custom', provider });
    expect(rollout.observer.told).toEqual(['faulted provider failed']);
    expect(await rollout.gates.enforcement('task', userOf('acme'))).toBe('off');
  });

  it('that never starts means the safe default, and does not hold the start', async () => {
    await using rollout = await openGates({
      kind: 'custom',
      provider: { ...providerOf(async () => 'off'), initialize: never },
    });
    expect(await rollout.gates.enforcement('task', userOf('acme'))).toBe('enforce');
    expect(rollout.problem()).toBe('flags that can not be told: fgac-task');
  });
});

describe('flagd', () => {
  it('that is not there means the safe default', async () => {
    const flagd = { host: '127.0.0.1', port: 1, tls: false };
    await using rollout = await openGates({ kind: 'flagd', flagd });
    expect(await rollout.gates.enforcement('task', userOf('acme'))).toBe('enforce');
    expect(rollout.problem()).toContain('fgac-task');
  });
});
