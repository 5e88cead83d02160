import { describe, expect, it, vi } from 'vitest';
import type { FlagdOptions } from '../../src/rollout/flagd-provider.ts';
import type { FlagdFlags } from '../support/flagd.ts';
import { findFlagd, startFlagd } from '../support/flagd.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { KEEP_MS, openGates, REFRESH_MS, userOf } from './support.ts';

const SOON = { timeout: 10_000 };
const TIMEOUT_MS = 1_000;
const SAFE = { enforcement: 'enforce', dualWrite: 'on' } as const;
const VARIANTS = { enforce: 'enforce', shadow: 'shadow', off: 'off' };

/** The flags of the guide: what is enforced for one account and not for the others. */
function flagsOf(acme: 'shadow' | 'enforce'): FlagdFlags {
  return {
    'fgac-task': {
      state: 'ENABLED',
      defaultVariant: 'off',
      variants: VARIANTS,
      targeting: { if: [{ in: [{ var: 'account' }, ['acme']] }, acme, 'off'] },
    },
    'fgac-task-dual-write': { state: 'ENABLED', defaultVariant: 'off', variants: { on: true, off: false } },
    // In words, and by the type of the principal.
    'fgac-message-dual-write': {
      state: 'ENABLED',
      defaultVariant: 'on',
      variants: { on: 'on', off: 'off' },
      targeting: { if: [{ '==': [{ var: 'principal_kind' }, 'user'] }, 'off', 'on'] },
    },
  };
}

const ask = async (where: Omit<FlagdOptions, 'tls'>) =>
  openGates({ kind: 'flagd', flagd: { ...where, tls: false } }, SAFE, TIMEOUT_MS);

const binary = findFlagd();

describe.skipIf(binary === undefined && process.env['FLAGD'] !== 'required')(
  'a real flagd',
  { timeout: 60_000 },
  () => {
    it('is asked by flag, account, type and kind of principal', async () => {
      await using flagd = await startFlagd(binary ?? 'flagd', flagsOf('shadow'));
      await using rollout = await ask({ host: 'localhost', port: 1, socketPath: flagd.socketPath });
      const { gates, observer } = rollout;
      expect(await gates.enforcement('task', userOf('acme'))).toBe('shadow');
      expect(await gates.enforcement('task', userOf('other'))).toBe('off');
      expect(await gates.dualWrite('task', userOf('acme'))).toBe('off');
      expect(await gates.dualWrite('message', userOf('acme'))).toBe('off');
      expect(await gates.dualWrite('message', { kind: 'agent', id: 'a', account: 'acme' })).toBe('on');
      expect(observer.told).toEqual([]);
      // One that it does not have.
      expect(await gates.enforcement('message', userOf('acme'))).toBe('enforce');
      expect(observer.told).toEqual(['faulted fgac-message not_found']);
    });

    it('tells of a change, which holds at once', async () => {
      await using flagd = await startFlagd(binary ?? 'flagd', flagsOf('shadow'));
      await using rollout = await ask({ host: 'localhost', port: 1, socketPath: flagd.socketPath });
      const { gates } = rollout;
      expect(await gates.enforcement('task', userOf('acme'))).toBe('shadow');
      await flagd.writeFlags(flagsOf('enforce'));
      // The clock stands still: nothing is asked anew for its age.
      await vi.waitFor(() => expect(gates.enforcement('task', userOf('acme'))).toBe('enforce'), SOON);
    });

    it('that dies leaves what it said for as long as that is kept, then the safe default, and comes back by itself', async () => {
      await using flagd = await startFlagd(binary ?? 'flagd', flagsOf('shadow'));
      await using proxy = await startFaultProxy({ path: flagd.socketPath });
      const [host = '', port] = proxy.address.split(':');
      await using rollout = await ask({ host, port: Number(port) });
      const { gates, clock } = rollout;
      expect(await gates.enforcement('task', userOf('acme'))).toBe('shadow');
      await flagd.kill();
      await proxy.setMode('refuse');
      clock.advance(REFRESH_MS);
      expect(gates.enforcement('task', userOf('acme'))).toBe('shadow');
      await vi.waitFor(() => expect(rollout.problem()).toContain('fgac-task'), SOON);
      expect(gates.enforcement('task', userOf('acme'))).toBe('shadow');
      clock.advance(KEEP_MS);
      expect(await gates.enforcement('task', userOf('acme'))).toBe('enforce');
      await flagd.start();
      await proxy.setMode('ok');
      await vi.waitFor(async () => {
        clock.advance(REFRESH_MS);
        expect(await gates.enforcement('task', userOf('acme'))).toBe('shadow');
      }, SOON);
      expect(rollout.problem()).toBeUndefined();
    });
  },
);
