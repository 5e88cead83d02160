import type { Pool } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { AuthorizationService, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { user } from '../support/check-requests.ts';
import type { Random } from '../support/random.ts';
import type { Outcome } from '../support/transports.ts';
import { askOne } from './asker.ts';
import type { Effect, Model, TaskRecord, Write } from './model.ts';
import { isStanding } from './model.ts';
import type { Observation } from './oracle.ts';
import type { RoleName } from './people.ts';
import { agentOf, CREATORS, GRANTEES, ROLES, toRef } from './people.ts';
import type { Replica } from './replica.ts';

const { registerResource, deregisterResource, grantRole, revokeRole } = AuthorizationService.method;

export interface ApplicationDeps {
  readonly random: Random;
  readonly model: Model;
  readonly replicas: readonly Replica[];
  /** Of the application's own database, past every fault. */
  readonly pool: Pool;
  /** Told what a refusal says about who may share a task. */
  readonly observe: (observation: Observation) => void;
  /** Told what can't be right whatever the relationships are, and of every answer. */
  readonly report: { violation(what: string, task: TaskRecord): void; answered(rpc: string, code: string): void };
}

/** An application that does what the README says, one thing at a time to each task. */
export interface Application {
  /** Creates, deletes, gives and takes roles until `ended`. */
  work(ended: AbortSignal): Promise<void>;
  /** Finishes what it had to leave, now that nothing fails. @returns what it has given up, for reconcile to find. */
  finish(): Promise<readonly TaskRecord[]>;
}

const CALL_TIMEOUT_MS = 1_000;
const ATTEMPTS = 3;
const FINISH_ATTEMPTS = 20;
const MAX_STANDING = 40;
const MIN_STANDING = 12;
const MAX_PAUSE_MS = 60;
const SHARES = { insertFails: 0.1, givesUp: 0.3, registersAgain: 0.3, looks: 0.5 } as const;
const ROLE_ENUM = { owner: Role.OWNER, editor: Role.EDITOR, viewer: Role.VIEWER, executor: Role.EXECUTOR } as const;

export function createApplication(deps: ApplicationDeps): Application {
  const { random, model, pool } = deps;

  /** Until it is answered: each may be made again after any error. Undefined if it never was. */
  const insist = async (task: TaskRecord, effect: Effect, attempts = ATTEMPTS): Promise<Write | undefined> => {
    const isLookedAt = random.chance(SHARES.looks);
    // What is kept from before the write is what could be wrong after it.
    if (isLookedAt) await look(deps, task, effect);
    for (let attempt = 1; attempt <= attempts; attempt += 1) {
      const write = await send(deps, random.pick(deps.replicas), task, effect);
      if (write.code === 'OK' && isLookedAt) await look(deps, task, effect);
      if (!isUnknown(write.code)) return write;
      await delay(random.below(MAX_PAUSE_MS));
    }
    return undefined;
  };

  const takeBack = async (task: TaskRecord, attempts?: number): Promise<boolean> => {
    const write = await insist(task, { kind: 'deregister' }, attempts);
    if (write !== undefined && write.code !== 'OK') deps.report.violation(`deregister answered ${write.code}`, task);
    return write !== undefined;
  };

  const create = async (): Promise<void> => {
    const task = model.plan(random.pick(CREATORS));
    // Whoever asks before it is there is told that it is not, and that is kept for a while.
    model.touched(task);
    await delay(random.below(MAX_PAUSE_MS));
    let registered = await insist(task, { kind: 'register' });
    // Again is success, also on a replica that has not heard of it.
    if (random.chance(SHARES.registersAgain)) registered = await insist(task, { kind: 'register' });
    if (registered !== undefined && registered.code !== 'OK') {
      deps.report.violation(`register answered ${registered.code}`, task);
    }
    if (registered?.code === 'OK' && !random.chance(SHARES.insertFails)) await insertRows(pool, task);
    else task.isUnfinished = random.chance(SHARES.givesUp) || !(await takeBack(task));
    model.touched(task);
    task.isBusy = false;
  };

  const remove = async (task: TaskRecord): Promise<void> => {
    await deleteRows(pool, task);
    model.touched(task);
    task.isUnfinished = random.chance(SHARES.givesUp) || !(await takeBack(task));
    model.touched(task);
  };

  /** What is taken has mostly been given. */
  const changeRole = async (task: TaskRecord): Promise<void> => {
    const kind = random.chance(0.5) ? 'grant' : 'revoke';
    const given = task.writes.flatMap(({ effect }) => (effect.kind === 'grant' ? [effect] : []));
    const isGiven = kind === 'revoke' && given.length > 0;
    const { role, user } = isGiven ? random.pick(given) : { role: random.pick(ROLES), user: random.pick(GRANTEES) };
    const effect: Effect = { kind, role, user };
    // The creator stays an owner, so that somebody may always share.
    if (effect.role === 'owner' && effect.user === task.creator.user) return;
    const write = await insist(task, effect);
    if (write !== undefined && !['OK', 'NOT_FOUND'].includes(write.code)) {
      deps.report.violation(`${kind} answered ${write.code}`, task);
    }
    model.touched(task);
  };

  const step = async (): Promise<void> => {
    const standing = model.standing().length;
    if (standing < MIN_STANDING || (standing < MAX_STANDING && random.chance(0.15))) return create();
    const task = model.lease(random);
    if (task === undefined) return;
    try {
      if (random.chance(0.12)) await remove(task);
      else await changeRole(task);
    } finally {
      task.isBusy = false;
    }
  };

  return {
    async work(ended) {
      while (!ended.aborted) {
        await step();
        await delay(random.below(MAX_PAUSE_MS));
      }
    },
    async finish() {
      const unfinished = [...model.tasks.values()].filter((task) => task.isUnfinished);
      const given = unfinished.filter((_, index) => index % 2 === 0);
      for (const task of unfinished) {
        if (given.includes(task)) continue;
        if (!(await takeBack(task, FINISH_ATTEMPTS))) deps.report.violation('deregister is not answered', task);
      }
      return given;
    },
  };
}

function isUnknown(code: string): boolean {
  return ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED', 'CANCELLED'].includes(code);
}

/** Asks all replicas about what a write changes. */
async function look(deps: ApplicationDeps, task: TaskRecord, effect: Effect): Promise<void> {
  const person = { user: 'user' in effect ? effect.user : task.creator.user, account: task.creator.account };
  const permission = 'role' in effect && effect.role === 'executor' ? 'execute' : 'read';
  const question = { task, asked: 'task', messageId: '', permission } as const;
  await Promise.all(deps.replicas.map(async (replica) => askOne(deps, replica, person, question)));
}

async function send(deps: ApplicationDeps, replica: Replica, task: TaskRecord, effect: Effect): Promise<Write> {
  const { creator } = task;
  const write: Write = {
    effect,
    process: replica.process,
    sentMs: Date.now(),
    endedMs: Infinity,
    code: 'under way',
    token: undefined,
  };
  task.writes.push(write);
  const outcome = await callOf(replica, task, effect);
  const isSameProcess = replica.process === write.process;
  write.endedMs = Date.now();
  write.token = outcome.kind === 'message' ? outcome.message.writtenAt : undefined;
  write.code = outcome.kind === 'message' ? 'OK' : outcome.code;
  deps.report.answered(effect.kind, write.code);
  if (write.code === 'NOT_FOUND' && (effect.kind === 'grant' || effect.kind === 'revoke')) {
    deps.observe({
      rpc: effect.kind,
      replica: replica.name,
      process: isSameProcess ? write.process : undefined,
      person: creator,
      task,
      asked: 'task',
      permission: 'share',
      sentMs: write.sentMs,
      answeredMs: write.endedMs,
      isAllowed: false,
      asFreshAs: undefined,
      isFullyConsistent: true,
    });
  }
  return write;
}

async function callOf(
  { client }: Replica,
  { id, creator }: TaskRecord,
  effect: Effect,
): Promise<Outcome<{ readonly writtenAt: string }>> {
  const named = { principal: user(creator.user, creator.account), resource: toRef('task', id) };
  const bounds = { timeoutMs: CALL_TIMEOUT_MS };
  switch (effect.kind) {
    case 'register':
      return client.call(registerResource, { ...named, parent: toRef('agent', agentOf(creator.account)) }, bounds);
    case 'deregister':
      return client.call(deregisterResource, named, bounds);
    case 'grant':
    case 'revoke': {
      const subject = { subject: { case: 'userId' as const, value: effect.user } };
      const request = { ...named, role: toRole(effect.role), subject };
      return effect.kind === 'grant'
        ? client.call(grantRole, request, bounds)
        : client.call(revokeRole, request, bounds);
    }
    default:
      return effect satisfies never;
  }
}

function toRole(role: RoleName): Role {
  return ROLE_ENUM[role];
}

async function insertRows(pool: Pool, task: TaskRecord): Promise<void> {
  const { id, name, creator, messages, rows } = task;
  rows.insertSentMs = Date.now();
  await pool.query(
    `WITH task AS (
       INSERT INTO tasks (id, name, account_id, agent_id, task_metadata)
       VALUES ($1, $2, $3, $4, jsonb_build_object('created_by_user_id', $5::text))
     ) INSERT INTO messages (id, task_id) SELECT unnest($6::text[]), $1`,
    [id, name, creator.account, agentOf(creator.account), creator.user, messages],
  );
  rows.insertedMs = Date.now();
}

async function deleteRows(pool: Pool, task: TaskRecord): Promise<void> {
  if (!isStanding(task)) throw new Error(`${task.id} does not stand`);
  task.rows.deleteSentMs = Date.now();
  await pool.query('WITH gone AS (DELETE FROM messages WHERE task_id = $1) DELETE FROM tasks WHERE id = $1', [task.id]);
}
