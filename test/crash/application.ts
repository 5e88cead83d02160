// A small application beside taskgate: it keeps agents and tasks in Postgres, and registers what it creates. It is told
// what to do on standard input and says on standard output where it is, at every step (writes to a pipe are synchronous,
// so what it has said before it is killed is said).
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnectTransport } from '@connectrpc/connect-node';
import { Pool } from 'pg';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createConnectClient, createGrpcClient } from '../support/transports.ts';
import type { AppRow, ApplicationMutant, Command, CreateCommand, DeleteCommand, Report, Step } from './protocol.ts';

const CALL_TIMEOUT_MS = 700;
/** The registration was refused, so there is nothing to take back; above all not what somebody else has registered. */
const REFUSALS: ReadonlySet<string> = new Set(['NOT_FOUND', 'ALREADY_EXISTS', 'INVALID_ARGUMENT']);

const { APP_DATABASE_URL, APP_TASKGATE_GRPC = '', APP_TASKGATE_HTTP, APP_MUTANT } = process.env;
const mutant = APP_MUTANT as ApplicationMutant | undefined;
const pool = new Pool({ connectionString: APP_DATABASE_URL, application_name: 'crash-application', max: 8 });
const taskgate =
  APP_TASKGATE_HTTP === undefined
    ? createGrpcClient('gRPC', APP_TASKGATE_GRPC, {
        'grpc.initial_reconnect_backoff_ms': 50,
        'grpc.max_reconnect_backoff_ms': 200,
      })
    : createConnectClient('Connect', createConnectTransport({ baseUrl: APP_TASKGATE_HTTP, httpVersion: '1.1' }));
const callers = new Map<string, AbortController>();

for await (const line of announced()) {
  const command = JSON.parse(line) as Command;
  if (command.kind === 'cancel') callers.get(command.key)?.abort();
  else void run(command);
}

/** The commands, once somebody can be told that they are waited for and the first of them will not wait to connect. */
async function* announced(): AsyncGenerator<string> {
  await pool.query('SELECT');
  const lines = createInterface({ input: process.stdin });
  say({ kind: 'ready' });
  yield* lines;
}

async function run(command: CreateCommand | DeleteCommand): Promise<void> {
  const caller = new AbortController();
  callers.set(command.key, caller);
  try {
    if (command.kind === 'create') await create(command, caller.signal);
    else await remove(command, caller.signal);
    say({ kind: 'done', key: command.key });
  } catch (error) {
    say({ kind: 'failed', key: command.key, reason: String(error) });
  } finally {
    callers.delete(command.key);
  }
}

/** Register → INSERT; what was or may have been registered is taken back if the row can't be written. */
async function create(command: CreateCommand, caller: AbortSignal): Promise<void> {
  const { row, isRegistered } = command;
  const reach = (step: Step) => reached(command, step);
  await reach('asked to create').paused();
  if (isRegistered) {
    reach('registering');
    const code = await register(row, caller);
    if (code !== 'OK' && REFUSALS.has(code)) throw new Error(code);
    if (code !== 'OK' || caller.aborted) return compensate(command, new Error(code));
    await reach('registered').paused();
  }
  if (mutant === 'answer-before-insert') say({ kind: 'done', key: command.key });
  reach('inserting');
  try {
    await insert(command);
  } catch (error) {
    if (isRegistered) return compensate(command, error);
    throw error;
  }
  await reach('inserted').paused();
}

/** Nobody waits for this any more, so nobody can cancel it. If it fails, it fails: that is what reconcile is for. */
async function compensate(command: CreateCommand, error: unknown): Promise<never> {
  await reached(command, 'compensating').paused();
  await deregister(command.row, new AbortController().signal);
  await reached(command, 'compensated').paused();
  throw error;
}

/** DELETE → deregister. The row is gone, so a deregistration that fails is not the caller's business. */
async function remove(command: DeleteCommand, caller: AbortSignal): Promise<void> {
  const { row } = command;
  const reach = (step: Step) => reached(command, step);
  await reach('asked to delete').paused();
  if (mutant === 'deregister-before-delete') {
    reach('deregistering');
    await deregister(row, caller);
    await reach('deregistered').paused();
  }
  if (mutant === 'answer-before-delete') {
    say({ kind: 'done', key: command.key });
    await delay(command.pauseMs);
  }
  reach('deleting');
  await pool.query(`DELETE FROM ${row.type}s WHERE id = $1`, [row.id]);
  await reach('deleted').paused();
  if (mutant === 'deregister-before-delete') return;
  if (caller.aborted) throw new Error('the caller is gone');
  reach('deregistering');
  await deregister(row, caller);
  await reach('deregistered').paused();
}

async function insert({ row: { type, id, owner, account, parent }, name }: CreateCommand): Promise<void> {
  if (type === 'agent') {
    await pool.query('INSERT INTO agents (id, name, owner, account) VALUES ($1, $2, $3, $4)', [
      id,
      name,
      owner,
      account,
    ]);
  } else {
    await pool.query('INSERT INTO tasks (id, name, agent_id, owner, account) VALUES ($1, $2, $3, $4, $5)', [
      id,
      name,
      parent,
      owner,
      account,
    ]);
  }
}

/** The code that it ended with. */
async function register(row: AppRow, signal: AbortSignal): Promise<string> {
  const parent = mutant === 'forget-parent' ? undefined : row.parent;
  const outcome = await taskgate.call(
    AuthorizationService.method.registerResource,
    { ...named(row), ...(parent === undefined ? {} : { parent: toRef('agent', parent) }) },
    { timeoutMs: CALL_TIMEOUT_MS, signal },
  );
  return outcome.kind === 'error' ? outcome.code : 'OK';
}

async function deregister(row: AppRow, signal: AbortSignal): Promise<void> {
  await taskgate.call(AuthorizationService.method.deregisterResource, named(row), {
    timeoutMs: CALL_TIMEOUT_MS,
    signal,
  });
}

function named({ type, id, owner, account }: AppRow) {
  return {
    principal: { subject: { case: 'userId' as const, value: owner }, accountId: account },
    resource: toRef(type, id),
  };
}

function toRef(type: string, id: string) {
  return { type, key: { case: 'id' as const, value: id } };
}

function reached({ key, pauseMs }: CreateCommand | DeleteCommand, step: Step) {
  say({ kind: 'step', key, step });
  return { paused: async () => delay(pauseMs) };
}

function say(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`);
}
