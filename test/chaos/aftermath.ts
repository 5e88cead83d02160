import { setTimeout as delay } from 'node:timers/promises';
import { runTaskgate } from '../support/taskgate-process.ts';
import { waitUntil } from '../support/wait-until.ts';
import { askOne } from './asker.ts';
import type { AskerDeps } from './asker.ts';
import type { Application } from './application.ts';
import type { Jury } from './jury.ts';
import type { TaskRecord } from './model.ts';
import { isStanding } from './model.ts';
import { PROMISED } from './oracle.ts';
import { CREATORS } from './people.ts';
import type { Replica } from './replica.ts';
import type { ChaosStores } from './stores.ts';

export interface AftermathDeps {
  readonly stores: ChaosStores;
  readonly replicas: readonly Replica[];
  readonly application: Application;
  readonly asker: AskerDeps;
  readonly jury: Jury;
}

const RECOVERY_TIMEOUT_MS = 30_000;
const ANSWER_ATTEMPTS = 20;
const ATTEMPT_PAUSE_MS = 100;
const SWEEPERS = 8;
const MAX_GONE = 60;
/** After so many kills most of what there is may be an orphan. */
const RECONCILE = ['reconcile', '--apply', '--grace', '0', '--max-prune', '100000', '--max-prune', '100%'];

/**
 * Nothing fails any more: everything must be answered, and right; the application finishes what it began, reconcile
 * repairs what it gave up; and then both stores must agree to the last relationship.
 */
export async function seeAftermath(deps: AftermathDeps): Promise<void> {
  const { replicas, jury, application, stores } = deps;
  for (const replica of replicas) {
    await replica.start();
    const isBack = async (): Promise<true | undefined> => ((await replica.readiness()) === 200 ? true : undefined);
    await waitUntil(isBack, { what: `${replica.name} is ready again`, timeoutMs: RECOVERY_TIMEOUT_MS }).catch(
      (error: unknown) => jury.accuse({ what: 'no answer', detail: String(error), task: undefined }),
    );
  }
  await application.finish();
  await reconcile(stores);
  await delay(PROMISED.withoutWatchMs);
  for (const replica of replicas) await sweep(deps, replica);
  // Long enough for all that was seen to be judged.
  await delay(2_000);
  await jury.sit();
  for (const task of deps.asker.model.tasks.values()) compareStores(deps, task);
}

/** @throws Error if it can't repair what it found. */
async function reconcile({ setting, directory }: ChaosStores): Promise<void> {
  const { exitCode, stderr } = await runTaskgate([...RECONCILE, '--report', `${directory}/report.json`], {
    TASKGATE_CONFIG: setting.configFile,
    TASKGATE_SPICEDB_ENDPOINT: setting.spiceDb.endpoint,
    TASKGATE_SPICEDB_TOKEN: setting.spiceDb.token,
    TASKGATE_DATABASE_URL: setting.databaseUrl,
    TASKGATE_REDIS_SIGNING_SECRET: setting.signingSecret,
    TASKGATE_REDIS_URL: setting.redisUrl,
  });
  if (exitCode !== 0) throw new Error(`taskgate reconcile ended with ${exitCode}: ${stderr}`);
}

/** Asks about every task that stands, and about some that are gone. What is answered is judged with the rest. */
async function sweep(deps: AftermathDeps, replica: Replica): Promise<void> {
  const tasks = [...deps.asker.model.tasks.values()];
  const gone = deps.asker.random.shuffled(tasks.filter((task) => !isStanding(task))).slice(0, MAX_GONE);
  const left = [...tasks.filter(isStanding), ...gone];
  const askNext = async (): Promise<void> => {
    for (let task = left.pop(); task !== undefined; task = left.pop()) await askAbout(deps, replica, task);
  };
  await Promise.all(Array.from({ length: SWEEPERS }, askNext));
}

async function askAbout({ asker, jury }: AftermathDeps, replica: Replica, task: TaskRecord): Promise<void> {
  for (const person of [task.creator, asker.random.pick(CREATORS)]) {
    for (const asked of ['task', 'message'] as const) {
      const question = { task, asked, messageId: asker.random.pick(task.messages), permission: 'read' } as const;
      let isAnswered = false;
      for (let attempt = 1; attempt <= ANSWER_ATTEMPTS && !isAnswered; attempt += 1) {
        isAnswered = await askOne(asker, replica, person, question);
        if (!isAnswered) await delay(ATTEMPT_PAUSE_MS);
      }
      const detail = `${replica.name} does not answer about ${task.id} after the faults`;
      if (!isAnswered) jury.accuse({ what: 'no answer', detail, task });
    }
  }
}

/** A row has all of its registration, and what has no row has no relationship. */
function compareStores({ stores, jury }: AftermathDeps, task: TaskRecord): void {
  const there = [...stores.history.livesOf(task.id)].filter(([, lives]) => lives.at(-1)?.to === undefined);
  const keys = new Set(there.map(([key]) => key));
  const accuse = (detail: string): void =>
    jury.accuse({ what: 'stores disagree', detail: `${task.id} ${detail}`, task });
  if (!isStanding(task)) {
    if (keys.size > 0) accuse(`has no row, and ${[...keys].join(', ')}`);
    return;
  }
  const { user, account } = task.creator;
  const wanted = [`owner@user:${user}`, `tenant@tenant:${account}`, `parent@agent:chaos-agent-${account}`];
  const missing = wanted.filter((key) => !keys.has(key));
  if (missing.length > 0) accuse(`has a row, and not ${missing.join(', ')}`);
}
