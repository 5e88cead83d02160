import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { waitUntil } from '../support/wait-until.ts';
import { findDenied } from './find-denied.ts';
import { countDrift, findViolationsAfterRepair, findViolationsBeforeRepair } from './find-violations.ts';
import type { Violation } from './find-violations.ts';
import { createLedger } from './ledger.ts';
import { formatStruck, listNeverStruck } from './format-struck.ts';
import { APPLICATION_MUTANTS } from './protocol.ts';
import { createRandom } from '../support/random.ts';
import { reconcileAll } from './reconcile-all.ts';
import type { Struck } from './rounds.ts';
import { createBase, playRound } from './rounds.ts';
import type { Scenario } from './scenarios.ts';
import { SCENARIOS } from './scenarios.ts';
import { startSidecar } from './sidecar.ts';
import { createSpares } from './spares.ts';
import { startCrashStores } from './stores.ts';
import { readTruth } from './truth.ts';

/** Mistakes on purpose: of the application, and that nothing is repaired. */
export const MUTANTS = [...APPLICATION_MUTANTS, 'no-reconcile'] as const;

export type Mutant = (typeof MUTANTS)[number];

export interface CrashTestOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly mutant: Mutant | undefined;
}

export interface CrashTestResult {
  readonly violations: readonly Violation[];
  /** False: too little was struck, or nothing had to be repaired, so that it means nothing that all holds. */
  readonly isShown: boolean;
}

interface Sink {
  write(text: string): unknown;
}

const SCHEMA = readFileSync(new URL('../../deploy/spicedb/schema.zed', import.meta.url), 'utf8');
const WITHOUT_FAULT: Scenario = { fault: { kind: 'none' }, at: 'registering' };
const PROGRESS_ROUNDS = 20;
const SETTLE_TIMEOUT_MS = 10_000;

/**
 * Plays the rounds, restarts everything, repairs and compares.
 *
 * @throws Error if a process does not start, or an application does not answer.
 */
export async function runCrashTest(
  { seed, rounds, mutant }: CrashTestOptions,
  { out, progress }: { readonly out: Sink; readonly progress: Sink },
): Promise<CrashTestResult> {
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startCrashStores({ schema: SCHEMA }));
  out.write(`${stores.description}\n`);
  const sidecar = opened.use(await startSidecar(stores));
  const random = createRandom(seed);
  const ledger = createLedger();
  const applicationMutant = APPLICATION_MUTANTS.find((candidate) => candidate === mutant);
  const spares = opened.use(
    createSpares({ databaseUrl: stores.databaseUrl, addresses: sidecar.addresses, mutant: applicationMutant }),
  );
  const { spiceDbProxy } = stores;
  let application = await spares.take();
  const keepers = await createBase({ random, ledger, application });

  const struck: Struck[] = [];
  let deck: Scenario[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    if (deck.length === 0) deck = random.shuffled(SCENARIOS);
    const scenario = deck.pop();
    if (scenario === undefined) throw new Error('no scenario');
    struck.push(...(await playRound({ random, ledger, keepers, application, sidecar, spiceDbProxy }, scenario)));
    if (!application.isAlive) application = await spares.take();
    await sidecar.restore();
    if (round % PROGRESS_ROUNDS === 0) progress.write(`round ${round} of ${rounds}\n`);
  }

  await application.kill();
  await sidecar.kill();
  await sidecar.restore();
  application = await spares.take();
  await playRound({ random, ledger, keepers, application, sidecar, spiceDbProxy }, WITHOUT_FAULT);
  await spares.stop();
  await settled(stores.databaseUrl);

  const before = await readTruth(stores);
  const drift = countDrift(before);
  if (mutant !== 'no-reconcile') await reconcileAll(sidecar);
  const after = await readTruth(stores);
  out.write(formatStruck(struck, before));
  out.write(`asked for ${ledger.entries.size} resources; ${after.rows.size} rows are there\n`);
  out.write(`before reconcile: ${drift.orphans} orphans, ${drift.unregistered} unregistered\n`);
  const left = countDrift(after);
  out.write(`after reconcile: ${left.orphans} orphans, ${left.unregistered} unregistered\n`);
  const neverStruck = listNeverStruck(struck);
  if (neverStruck.length > 0) out.write(`never struck: ${neverStruck.join('; ')}\n`);
  return {
    violations: [
      ...findViolationsBeforeRepair(ledger, before),
      ...findViolationsAfterRepair(ledger, after),
      ...(await findDenied(sidecar, after)),
    ],
    isShown: neverStruck.length === 0 && drift.orphans > 0 && drift.unregistered > 0,
  };
}

/** Waits for what applications had still sent to Postgres when they were killed. */
async function settled(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const isSettled = async (): Promise<true | undefined> => {
      const text = `SELECT FROM pg_stat_activity WHERE application_name = 'crash-application'`;
      return (await client.query(text)).rowCount === 0 ? true : undefined;
    };
    await waitUntil(isSettled, { what: 'the end of all statements', timeoutMs: SETTLE_TIMEOUT_MS });
  } finally {
    await client.end();
  }
}
