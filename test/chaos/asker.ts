import { setTimeout as delay } from 'node:timers/promises';
import { AuthorizationService, Decision, Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { user } from '../support/check-requests.ts';
import type { Random } from '../support/random.ts';
import type { Model, TaskRecord } from './model.ts';
import { lastAcknowledged } from './model.ts';
import type { Observation } from './oracle.ts';
import type { Permission, Person } from './people.ts';
import { ASKERS } from './people.ts';
import type { Replica } from './replica.ts';

const { checkTask, batchCheckTask, filterReadableTasks, listReadableTasks } = AuthorizationService.method;

export interface AskerDeps {
  readonly random: Random;
  readonly model: Model;
  readonly observe: (observation: Observation) => void;
  readonly report: { answered(rpc: string, code: string): void };
}

/** What is asked about, and what is asked. */
export interface Question {
  readonly task: TaskRecord;
  readonly asked: Observation['asked'];
  /** Of the message, where it is one. */
  readonly messageId: string;
  readonly permission: Exclude<Permission, 'share'>;
}

const CALL_TIMEOUT_MS = 1_000;
const MAX_PAUSE_MS = 30;
/** A replica that does not listen refuses at once. */
const ERROR_PAUSE_MS = 40;
const MAX_BATCH = 20;
const MAX_FILTERED = 60;
const SHARES = { hot: 0.7, withToken: 0.15, fully: 0.05, owners: 0.5 } as const;
const OPERATIONS = {
  read: Operation.READ,
  update: Operation.UPDATE,
  delete: Operation.DELETE,
  execute: Operation.EXECUTE,
} as const;

/** Asks one replica about this and that until `ended`. */
export async function askAlways(deps: AskerDeps, replica: Replica, ended: AbortSignal): Promise<void> {
  const { random } = deps;
  while (!ended.aborted) {
    if (deps.model.tasks.size > 0) {
      const draw = random.below(100);
      const person = planPerson(deps);
      let isAnswered: boolean;
      if (draw < 60) isAnswered = await askOne(deps, replica, person, planQuestion(deps));
      else if (draw < 75) isAnswered = await askBatch(deps, replica, person);
      else if (draw < 90) isAnswered = await askFilter(deps, replica, person);
      else isAnswered = await askList(deps, replica, person);
      if (!isAnswered) await delay(ERROR_PAUSE_MS);
    }
    await delay(random.below(MAX_PAUSE_MS));
  }
}

/** One CheckTask. @returns false if it was not answered. */
export async function askOne(
  { random, observe, report }: AskerDeps,
  replica: Replica,
  person: Person,
  question: Question,
): Promise<boolean> {
  const freshness = planFreshness(random, question.task);
  const begun = begin(replica, person);
  const outcome = await replica.client.call(
    checkTask,
    { principal: user(person.user, person.account), ...toItem(question), ...freshness.request },
    { timeoutMs: CALL_TIMEOUT_MS },
  );
  const code = outcome.kind === 'error' ? outcome.code : nameOf(outcome.message.decision);
  report.answered('check', code);
  if (outcome.kind === 'error') return false;
  const { decision } = outcome.message;
  observe({ ...begun.end('check', question), ...freshness.told, isAllowed: isAllowed(decision) });
  return true;
}

async function askBatch(deps: AskerDeps, replica: Replica, person: Person): Promise<boolean> {
  const { random, observe, report } = deps;
  const questions = Array.from({ length: 1 + random.below(MAX_BATCH) }, () => planQuestion(deps));
  const begun = begin(replica, person);
  const request = { principal: user(person.user, person.account), checks: questions.map(toItem) };
  const outcome = await replica.client.call(batchCheckTask, request, { timeoutMs: CALL_TIMEOUT_MS });
  if (outcome.kind === 'error') {
    report.answered('batch', outcome.code);
    return false;
  }
  for (const [index, question] of questions.entries()) {
    const answer = outcome.message.results[index]?.outcome;
    if (answer?.case === 'answer') {
      report.answered('batch item', nameOf(answer.value.decision));
      observe({ ...begun.end('batch', question), isAllowed: isAllowed(answer.value.decision) });
    } else report.answered('batch item', `error ${answer?.value?.code}`);
  }
  return true;
}

async function askFilter(deps: AskerDeps, replica: Replica, person: Person): Promise<boolean> {
  const { random, observe, report } = deps;
  const permission = random.pick(['read', 'read', 'update'] as const);
  const planned = Array.from({ length: 1 + random.below(MAX_FILTERED) }, () => ({ ...planQuestion(deps), permission }));
  const questions = [...new Map(planned.map((question) => [keyOf(question), question])).values()];
  const freshness = planFreshness(random, questions[0]?.task);
  const begun = begin(replica, person);
  const outcome = await replica.client.call(
    filterReadableTasks,
    {
      principal: user(person.user, person.account),
      resources: questions.map(toResource),
      operation: OPERATIONS[permission],
      ...freshness.request,
    },
    { timeoutMs: CALL_TIMEOUT_MS },
  );
  report.answered('filter', outcome.kind === 'error' ? outcome.code : 'a list');
  if (outcome.kind === 'error') return false;
  const kept = new Set(outcome.message.resources.map(({ type, key }) => `${type} ${key.case} ${key.value}`));
  for (const question of questions) {
    observe({ ...begun.end('filter', question), ...freshness.told, isAllowed: kept.has(keyOf(question)) });
  }
  return true;
}

async function askList(
  { random, model, observe, report }: AskerDeps,
  replica: Replica,
  person: Person,
): Promise<boolean> {
  const permission = random.pick(['read', 'read', 'execute'] as const);
  const tasks = [...model.tasks.values()];
  const begun = begin(replica, person);
  const stream = replica.client.stream(
    listReadableTasks,
    {
      principal: user(person.user, person.account),
      operation: OPERATIONS[permission],
      pageSize: 1 + random.below(20),
    },
    { timeoutMs: CALL_TIMEOUT_MS },
  );
  const listed = new Set<string>();
  let isComplete = false;
  let next = await stream.next();
  for (; next.done !== true; next = await stream.next()) {
    const { event } = next.value;
    if (event.case === 'page') for (const id of event.value.taskIds) listed.add(id);
    else if (event.case === 'complete') isComplete = true;
  }
  const broken = next.value;
  const code = broken?.kind === 'error' ? broken.code : 'INCOMPLETE';
  report.answered('list', isComplete ? 'a list' : code);
  for (const task of tasks) {
    // What is missing from a list that broke off says nothing.
    const isListed = listed.has(task.id);
    if (!isListed && !isComplete) continue;
    observe({ ...begun.end('list', { task, asked: 'task', permission }), isAllowed: isListed });
  }
  return isComplete;
}

/** Often somebody who owns what is asked about: else nearly everything is denied. */
function planPerson({ random, model }: AskerDeps): Person {
  const isOwner = model.hot.length > 0 && random.chance(SHARES.owners);
  return isOwner ? random.pick(model.hot).creator : random.pick(ASKERS);
}

/** Mostly about what was changed a moment ago, also about what is gone or not there yet. */
function planQuestion({ random, model }: AskerDeps): Question {
  const isHot = model.hot.length > 0 && random.chance(SHARES.hot);
  const task = random.pick(isHot ? model.hot : [...model.tasks.values()]);
  const asked = random.pick(['task', 'message', 'message', 'name'] as const);
  const permission =
    asked === 'message'
      ? random.pick(['read', 'read', 'update'] as const)
      : random.pick(['read', 'read', 'read', 'update', 'execute', 'delete'] as const);
  return { task, asked, messageId: random.pick(task.messages), permission };
}

function planFreshness(random: Random, task: TaskRecord | undefined) {
  const write = task === undefined ? undefined : lastAcknowledged(task);
  if (task !== undefined && write?.token !== undefined && random.chance(SHARES.withToken)) {
    const requirement = { case: 'atLeastAsFresh' as const, value: write.token };
    return { request: { consistency: { requirement } }, told: { asFreshAs: { write, task } } };
  }
  if (!random.chance(SHARES.fully)) return { request: {}, told: {} };
  const requirement = { case: 'fullyConsistent' as const, value: true };
  return { request: { consistency: { requirement } }, told: { isFullyConsistent: true } };
}

/** What is known of an answer before it comes. */
function begin(replica: Replica, person: Person) {
  const { name, process } = replica;
  const sentMs = Date.now();
  return {
    end(rpc: string, { task, asked, permission }: Pick<Question, 'task' | 'asked' | 'permission'>) {
      return {
        rpc,
        replica: name,
        process: replica.process === process ? process : undefined,
        person,
        task,
        asked,
        permission,
        sentMs,
        answeredMs: Date.now(),
        asFreshAs: undefined,
        isFullyConsistent: false,
      };
    },
  };
}

function toItem(question: Question) {
  return { resource: toResource(question), operation: OPERATIONS[question.permission] };
}

function toResource({ task, asked, messageId }: Question) {
  switch (asked) {
    case 'task':
      return { type: 'task', key: { case: 'id' as const, value: task.id } };
    case 'name':
      return { type: 'task', key: { case: 'name' as const, value: task.name } };
    case 'message':
      return { type: 'message', key: { case: 'id' as const, value: messageId } };
    default:
      return asked satisfies never;
  }
}

function keyOf(question: Question): string {
  const { type, key } = toResource(question);
  return `${type} ${key.case} ${key.value}`;
}

function isAllowed(decision: Decision): boolean {
  return decision === Decision.ALLOWED;
}

function nameOf(decision: Decision): string {
  return Decision[decision] ?? String(decision);
}
