import { randomUUID } from 'node:crypto';
import type { Logger, Provider } from '@openfeature/server-sdk';
import { NOOP_PROVIDER, OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import type { Clock } from '../authorize/ports.ts';
import type { RolloutGates, RolloutObserver } from '../authorize/ports-rollout.ts';
import { within } from '../domain/within.ts';
import { evaluateDualWrite, evaluateEnforcement } from './evaluate-flags.ts';
import { createFlagHealth } from './flag-health.ts';
import { toDualWriteFlag, toEnforcementFlag } from './flag-keys.ts';
import type { FlagdOptions } from './flagd-provider.ts';
import { createFlagdProvider } from './flagd-provider.ts';
import type { KeptFlagsOptions } from './kept-flags.ts';
import { createKeptFlags } from './kept-flags.ts';
import type { StaticFlags } from './static-provider.ts';
import { createStaticProvider, isAllEnforced } from './static-provider.ts';

export interface RolloutOptions {
  readonly provider:
    | { readonly kind: 'static'; readonly flags: StaticFlags }
    | { readonly kind: 'flagd'; readonly flagd: FlagdOptions }
    /** Made by somebody else: it is closed with the rest. */
    | { readonly kind: 'custom'; readonly provider: Provider };
  /** The answers where flags can't be told. */
  readonly safeDefault: StaticFlags['default'];
  /** The names of the configured types. */
  readonly types: readonly string[];
  readonly kept: Omit<KeptFlagsOptions<never>, 'fallback'>;
}

export interface Rollout extends AsyncDisposable {
  readonly gates: RolloutGates;
  /** What is wrong with the flags, in words that are safe to show; undefined if nothing is. */
  problem(): string | undefined;
}

/** Milliseconds that the start waits for a provider. It goes on by itself, and the safe defaults hold meanwhile. */
const START_TIMEOUT_MS = 2_000;
const CLOSE_TIMEOUT_MS = 2_000;
/** After these, flags may be others than before. */
const CHANGES = [ProviderEvents.ConfigurationChanged, ProviderEvents.Ready] as const;
/** The SDK's own would write to the console. Faults are told to the observer. */
const SILENT: Logger = { error() {}, warn() {}, info() {}, debug() {} };

/** @throws Error if the provider's package is not installed. */
export async function openRollout(
  { clock, observer }: { readonly clock: Clock; readonly observer: RolloutObserver },
  { provider: source, safeDefault, types, kept }: RolloutOptions,
): Promise<Rollout> {
  // The SDK keeps providers for the whole process: a domain of its own keeps this one apart from others.
  const domain = `taskgate-${randomUUID()}`;
  const health = createFlagHealth(observer);
  const provider = await createProvider(source, types);
  const client = OpenFeature.getClient(domain).setLogger(SILENT);
  const starting = OpenFeature.setProviderAndWait(domain, provider);
  try {
    await within(START_TIMEOUT_MS, starting);
  } catch (error) {
    observer.flagFaulted('provider', 'failed', error);
  }
  const { enforcement: fallback, dualWrite } = safeDefault;
  const enforcements = createKeptFlags({ evaluate: evaluateEnforcement(client), clock, health }, { ...kept, fallback });
  const dualWrites = createKeptFlags(
    { evaluate: evaluateDualWrite(client), clock, health },
    { ...kept, fallback: dualWrite },
  );
  const outdate = (): void => {
    enforcements.outdate();
    dualWrites.outdate();
  };
  for (const event of CHANGES) client.addHandler(event, outdate);
  return {
    gates: {
      enforcement: (type, principal) => enforcements.get(toEnforcementFlag(type), type, principal),
      dualWrite: (type, principal) => dualWrites.get(toDualWriteFlag(type), type, principal),
      enforcesAll: source.kind === 'static' && isAllEnforced(source.flags),
    },
    problem: () => health.problem(),
    async [Symbol.asyncDispose]() {
      for (const event of CHANGES) client.removeHandler(event, outdate);
      await within(CLOSE_TIMEOUT_MS, OpenFeature.setProviderAndWait(domain, NOOP_PROVIDER)).catch(() => undefined);
    },
  };
}

async function createProvider(source: RolloutOptions['provider'], types: readonly string[]): Promise<Provider> {
  switch (source.kind) {
    case 'static':
      return createStaticProvider(source.flags, types);
    case 'flagd':
      return createFlagdProvider(source.flagd, SILENT);
    case 'custom':
      return source.provider;
    default:
      return source satisfies never;
  }
}
