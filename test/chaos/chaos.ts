import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../support/random.ts';
import { seeAftermath } from './aftermath.ts';
import { registerAgents } from './agents.ts';
import { createApplication } from './application.ts';
import { askAlways } from './asker.ts';
import { attackAlways } from './attacker.ts';
import { FAULTS, nameFault, strikeAlways } from './faults.ts';
import type { FaultLog } from './faults.ts';
import type { Jury, Violation } from './jury.ts';
import { createJury } from './jury.ts';
import { createLagRecord, watchLag } from './lag.ts';
import { createModel } from './model.ts';
import type { Mutant } from './mutants.ts';
import { MUTANTS, planOf } from './mutants.ts';
import type { Replica } from './replica.ts';
import { createReplica } from './replica.ts';
import { Counts, formatStaleness, formatViolation } from './report.ts';
import { startChaosStores } from './stores.ts';

export interface ChaosOptions {
  readonly spiceDbBinary: string;
  readonly seed: number;
  /** How long faults and traffic last; starting and the aftermath come on top. */
  readonly seconds: number;
  /** The run ends as soon as it is found. */
  readonly mutant: Mutant | undefined;
}

export interface ChaosResult {
  readonly violations: readonly Violation[];
  /** What did not happen, so that it means nothing that nothing is wrong. */
  readonly neverSeen: readonly string[];
  readonly elapsedMs: number;
}

interface Sink {
  write(text: string): unknown;
}

const APPLICATION_WORKERS = 3;
const ASKERS_PER_REPLICA = 3;
const SIT_PAUSE_MS = 1_500;
const PROGRESS_MS = 10_000;
/** A run that is shorter need not have seen everything. */
const FULL_RUN_SECONDS = 100;
const MAX_PRINTED = 5;

/** Runs everything for as long as it is asked to. @throws Error if a process or a store can't be started. */
export async function runChaos(
  { spiceDbBinary, seed, seconds, mutant }: ChaosOptions,
  { out, progress }: { readonly out: Sink; readonly progress: Sink },
): Promise<ChaosResult> {
  const startedMs = Date.now();
  await using opened = new AsyncDisposableStack();
  const stores = opened.use(await startChaosStores(spiceDbBinary, mutant));
  const replicas: readonly [Replica, ...Replica[]] = [
    opened.use(await createReplica('a', stores.setting)),
    opened.use(await createReplica('b', stores.setting)),
  ];
  await Promise.all(replicas.map(async (replica) => replica.start()));
  await registerAgents(replicas);

  const ownLag = createLagRecord();
  opened.defer(watchLag((lag) => ownLag.add(lag)));
  const replicaNamed = (name: string): Replica | undefined => replicas.find((replica) => replica.name === name);
  const model = createModel();
  const { history } = stores;
  const jury = createJury({
    history,
    model,
    wasWatched: (name, fromMs, toMs) => replicaNamed(name)?.watchHealth.wasWell(fromMs, toMs) === true,
    lagMs: (name, fromMs, toMs) => (replicaNamed(name)?.lag.between(fromMs, toMs) ?? 0) + ownLag.between(fromMs, toMs),
  });
  const counts = new Counts();
  const report = {
    answered: (rpc: string, code: string) => counts.add(rpc, code),
    violation: (detail: string, task: Violation['task']) =>
      jury.accuse({ what: 'wrong answer', detail: `${task?.id}: ${detail}`, task }),
  };
  // Each has draws of its own, so that what one does is not up to how fast another is.
  let streams = 0;
  const nextRandom = () => createRandom(seed * 1_000 + (streams += 1));
  const faults: FaultLog = { struck: [] };
  const first = mutant === undefined ? undefined : planOf(mutant).needs;
  const observe: Jury['observe'] = (observation) => jury.observe(observation);
  const applicationOf = () =>
    createApplication({ random: nextRandom(), model, replicas, pool: stores.pool, observe, report });
  const application = applicationOf();

  const ending = new AbortController();
  const ended = ending.signal;
  const onAttack = (kind: string): void => counts.add('attack', kind);
  const working = [
    ...Array.from({ length: APPLICATION_WORKERS }, async () => applicationOf().work(ended)),
    ...replicas.map(async (replica) => strikeAlways({ random: nextRandom(), replica, log: faults, first }, ended)),
    ...replicas.flatMap((replica) =>
      Array.from({ length: ASKERS_PER_REPLICA }, async () =>
        askAlways({ random: nextRandom(), model, observe, report }, replica, ended),
      ),
    ),
    attackAlways({ random: nextRandom(), model, redisUrl: stores.setting.redisUrl, onAttack }, ended),
  ];
  const isCaught = (): boolean =>
    mutant !== undefined && jury.violations.some(({ what }) => what === MUTANTS[mutant].foundAs);
  const isBroken = (): boolean => mutant === undefined && jury.violations.length > 0;
  const judging = sitUntil(jury, {
    untilMs: Date.now() + seconds * 1_000,
    isOver: () => isCaught() || isBroken(),
    progress,
  });
  try {
    // Whoever breaks ends the run.
    await Promise.race([judging, ...working.map(async (work) => work.then(async () => judging))]);
  } finally {
    ending.abort();
    await Promise.allSettled(working);
  }
  for (const { fault } of faults.struck) counts.add('fault', fault);
  if (!isCaught() && !isBroken()) {
    await seeAftermath({
      stores,
      replicas,
      application,
      asker: { random: nextRandom(), model, observe, report },
      jury,
    });
  }
  for (const { misdeeds } of replicas) {
    for (const detail of misdeeds) jury.accuse({ what: 'misdeed', detail, task: undefined });
  }

  out.write(`${model.tasks.size} tasks, ${counts.of('grant').get('OK') ?? 0} roles given\n${counts.format()}`);
  out.write(formatStaleness(jury));
  const lags = [...replicas.map(({ name, lag }) => `${name} ${lag.longestMs} ms`), `here ${ownLag.longestMs} ms`];
  out.write(`longest lag of an event loop: ${lags.join(', ')}\n`);
  for (const violation of jury.violations.slice(0, MAX_PRINTED)) {
    out.write(formatViolation(violation, { history, jury, faults }));
  }
  const neverSeen = seconds < FULL_RUN_SECONDS ? [] : listNeverSeen(counts, jury);
  return { violations: jury.violations, neverSeen, elapsedMs: Date.now() - startedMs };
}

async function sitUntil(
  jury: Jury,
  { untilMs, isOver, progress }: { readonly untilMs: number; readonly isOver: () => boolean; readonly progress: Sink },
): Promise<void> {
  let toldMs = Date.now();
  while (Date.now() < untilMs && !isOver()) {
    await delay(SIT_PAUSE_MS);
    await jury.sit();
    if (Date.now() - toldMs < PROGRESS_MS) continue;
    toldMs = Date.now();
    const { watched, unwatched } = jury.judged;
    progress.write(`  ${Math.round((untilMs - toldMs) / 1_000)} s to go, ${watched + unwatched} answers judged\n`);
  }
}

/** A run that nothing happened in shows nothing. */
function listNeverSeen(counts: Counts, { judged }: Jury): readonly string[] {
  const wanted: readonly (readonly [string, string])[] = [
    ...['register', 'deregister', 'grant', 'revoke'].map((rpc) => [rpc, 'OK'] as const),
    ...['check', 'batch item'].flatMap((rpc) => [[rpc, 'ALLOWED'] as const, [rpc, 'NOT_FOUND'] as const]),
    ...['filter', 'list'].map((rpc) => [rpc, 'a list'] as const),
    ...FAULTS.map((fault) => ['fault', nameFault(fault)] as const),
  ];
  return [
    ...wanted.filter(([group, what]) => !counts.of(group).has(what)).map((names) => names.join(': ')),
    ...(judged.watched === 0 ? ['answers with Watch'] : []),
    ...(judged.unwatched === 0 ? ['answers without Watch'] : []),
  ];
}
