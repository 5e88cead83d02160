import { setTimeout as delay } from 'node:timers/promises';
import type { FaultProxy } from '../support/fault-proxy.ts';
import type { ApplicationProcess } from './application-process.ts';
import type { Ledger } from './ledger.ts';
import type { Operation } from './operations.ts';
import { TAKEN_NAME, planCreate, planDelete, startOperations } from './operations.ts';
import type { AppRow, AppType, Step } from './protocol.ts';
import { DELETE_STEPS } from './protocol.ts';
import type { Random } from '../support/random.ts';
import type { FaultKind, Scenario } from './scenarios.ts';
import type { Sidecar } from './sidecar.ts';

/** An operation that a fault struck before it was answered. */
export interface Struck {
  readonly kind: FaultKind;
  readonly at: Step;
  readonly id: string;
}

export interface RoundDeps {
  readonly random: Random;
  readonly ledger: Ledger;
  /** Ids of what is never deleted. */
  readonly keepers: ReadonlySet<string>;
  readonly application: ApplicationProcess;
  readonly sidecar: Sidecar;
  readonly spiceDbProxy: FaultProxy;
}

/** Longer than any operation takes with all its calls at their deadlines. */
const ANSWER_TIMEOUT_MS = 15_000;
/** A fault comes up to this long after its step, so that it also strikes in the middle of calls. */
const MAX_LATE_MS = 4;
const SPICEDB_FAULT_MS = { least: 20, most: 600 } as const;
const MAX_OTHERS = 4;
const SHARE_OF_DELETES = 0.35;
const BASE = { agents: 6, tasks: 24 } as const;
const MAX_BASE_ATTEMPTS = 20;

/**
 * Creates what the rounds begin with.
 *
 * @returns the ids of the keepers: an agent and its task, whose names are taken.
 * @throws Error if anything can't be created.
 */
export async function createBase({
  random,
  ledger,
  application,
}: Pick<RoundDeps, 'random' | 'ledger' | 'application'>): Promise<Set<string>> {
  const createOne = async (type: AppType, name?: string): Promise<AppRow> => {
    let reason: string | undefined;
    // A machine that is busy starting all of this can be late with the first ones.
    for (let attempt = 1; attempt <= MAX_BASE_ATTEMPTS; attempt += 1) {
      const options = { type, isTaken: false, isRegistered: true, ...(name === undefined ? {} : { name }) };
      const operation = planCreate(random, ledger, options);
      await within(startOperations(application, [operation]).answered, () => 'no answer');
      if (operation.entry.created === 'done') return operation.entry.row;
      ({ reason } = operation.entry);
    }
    throw new Error(`the base can't be created: ${reason}`);
  };
  const keepers = [await createOne('agent', TAKEN_NAME), await createOne('task', TAKEN_NAME)];
  for (let count = 0; count < BASE.agents; count += 1) await createOne('agent');
  for (let count = 0; count < BASE.tasks; count += 1) await createOne('task');
  return new Set(keepers.map(({ id }) => id));
}

/**
 * Starts a few operations at once, strikes when the first of them gets to the step of the scenario or a moment later,
 * and waits until each is answered, or nobody is there to answer. Then SpiceDB is back; what was killed is still dead.
 *
 * @returns what was struck.
 * @throws Error if an application that lives does not answer.
 */
export async function playRound(deps: RoundDeps, { fault, at }: Scenario): Promise<readonly Struck[]> {
  const { random, application } = deps;
  const operations = planOperations(deps, at);
  const lateMs = random.below(MAX_LATE_MS);
  const spiceDbFaultMs = SPICEDB_FAULT_MS.least + random.below(SPICEDB_FAULT_MS.most - SPICEDB_FAULT_MS.least);
  const killed = Promise.withResolvers<void>();
  let striking: Promise<readonly Struck[]> | undefined;

  const listStruck = (): readonly Struck[] =>
    running.open().map(({ operation, step }) => ({ kind: fault.kind, at: step, id: operation.entry.row.id }));
  const strike = async (target: Operation): Promise<readonly Struck[]> => {
    if (lateMs > 0) await delay(lateMs);
    const struck = listStruck();
    switch (fault.kind) {
      case 'none':
        return [];
      case 'application':
        await application.kill();
        killed.resolve();
        // It had got further than could be heard before.
        return listStruck();
      case 'sidecar':
        await deps.sidecar.kill();
        return struck;
      case 'spicedb':
        await deps.spiceDbProxy.setMode(fault.mode);
        await delay(spiceDbFaultMs);
        await deps.spiceDbProxy.setMode('ok');
        return struck;
      case 'cancel':
        application.send({ kind: 'cancel', key: target.command.key });
        return struck.filter(({ id }) => id === target.entry.row.id);
      default:
        return fault satisfies never;
    }
  };
  const running = startOperations(application, operations, (operation, step) => {
    if (operation !== operations[0] || step !== at || striking !== undefined) return;
    striking = strike(operation);
    striking.catch(killed.reject);
  });
  await within(Promise.race([running.answered, killed.promise]), () => `no answer: ${JSON.stringify(listStruck())}`);
  return (await striking) ?? [];
}

/** The first is the one that the fault waits for. */
function planOperations({ random, ledger, keepers }: RoundDeps, at: Step): readonly Operation[] {
  const busy = new Set(keepers);
  const planNext = (kind: Operation['command']['kind'], options = {}): Operation => {
    const planned = kind === 'delete' ? planDelete(random, ledger, busy) : undefined;
    const operation = planned ?? planCreate(random, ledger, options);
    busy.add(operation.entry.row.id);
    return operation;
  };
  const isTaken = at === 'compensating' || at === 'compensated';
  const first = planNext(DELETE_STEPS.some((step) => step === at) ? 'delete' : 'create', {
    isTaken,
    isRegistered: true,
  });
  const others = Array.from({ length: 1 + random.below(MAX_OTHERS) }, () =>
    planNext(random.chance(SHARE_OF_DELETES) ? 'delete' : 'create'),
  );
  return [first, ...others];
}

/** @throws Error if the work takes longer than any operation can. */
async function within(work: Promise<void>, explain: () => string): Promise<void> {
  const over = new AbortController();
  const timeout = async (): Promise<never> => {
    await delay(ANSWER_TIMEOUT_MS, undefined, { signal: over.signal });
    throw new Error(explain());
  };
  try {
    await Promise.race([work, timeout()]);
  } finally {
    over.abort();
  }
}
