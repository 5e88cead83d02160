import { randomUUID } from 'node:crypto';
import type { ApplicationProcess } from './application-process.ts';
import type { Entry, Ledger } from './ledger.ts';
import type { AppType, CreateCommand, DeleteCommand, Step } from './protocol.ts';
import type { Random } from '../support/random.ts';

/** A command, and where it is written down what was answered to it. */
export interface Operation {
  readonly command: CreateCommand | DeleteCommand;
  readonly entry: Entry;
}

/** Operations that an application is at. */
export interface RunningOperations {
  /** Resolves when all are answered. */
  readonly answered: Promise<void>;
  /** Those without an answer, and where each is; what has not begun is left out. */
  open(): readonly { readonly operation: Operation; readonly step: Step }[];
}

export interface CreateOptions {
  /** Default: either. */
  readonly type?: AppType;
  /** True: the INSERT fails, since a resource that stands has the name. Default: now and then. */
  readonly isTaken?: boolean;
  /** False: dual-write is off. Default: nearly always true. */
  readonly isRegistered?: boolean;
  /** Default: one that is free. */
  readonly name?: string;
}

/** Whose name is taken, of either type. */
export const TAKEN_NAME = 'taken';
const SHARES = { agents: 0.3, taken: 0.1, unregistered: 0.04 } as const;
const MAX_PAUSE_MS = 5;
const ACCOUNTS = ['acme', 'globex'] as const;
const USERS = ['alice', 'bob', 'carol'] as const;

/** Plans to create an agent, or a task of an agent that may be going away at the same time. */
export function planCreate(random: Random, ledger: Ledger, options: CreateOptions = {}): Operation {
  const { type = random.chance(SHARES.agents) ? 'agent' : 'task', isTaken = random.chance(SHARES.taken) } = options;
  const { isRegistered = isTaken || !random.chance(SHARES.unregistered) } = options;
  const id = randomUUID();
  const { name = isTaken ? TAKEN_NAME : id } = options;
  // A task could not be registered below an agent that is not.
  const agents = ledger.standing().filter(({ row, isRegistered }) => row.type === 'agent' && isRegistered);
  const agent = type === 'agent' ? undefined : random.pick(agents).row;
  const owner = agent?.owner ?? random.pick(USERS);
  const account = agent?.account ?? random.pick(ACCOUNTS);
  const row = { type, id, owner, account, parent: agent?.id };
  const command = { kind: 'create', key: `create ${id}`, row, name, isRegistered } as const;
  return { command: { ...command, pauseMs: random.below(MAX_PAUSE_MS) }, entry: ledger.add(row, isRegistered) };
}

/** Plans to delete what is not `busy`, also once more what may be gone; undefined if there is nothing. */
export function planDelete(random: Random, ledger: Ledger, busy: ReadonlySet<string>): Operation | undefined {
  const standing = ledger.standing().filter(({ row }) => !busy.has(row.id));
  if (standing.length === 0) return undefined;
  const entry = random.pick(standing);
  entry.deleted = 'unknown';
  const { row } = entry;
  return { command: { kind: 'delete', key: `delete ${row.id}`, row, pauseMs: random.below(MAX_PAUSE_MS) }, entry };
}

/** Has the application do all of them at once. `onStep` is told where each gets to. */
export function startOperations(
  application: ApplicationProcess,
  operations: readonly Operation[],
  onStep: (operation: Operation, step: Step) => void = () => undefined,
): RunningOperations {
  const open = new Map(operations.map((operation) => [operation.command.key, operation]));
  const steps = new Map<Operation, Step>();
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  application.onReport = (report) => {
    const operation = report.kind === 'ready' ? undefined : open.get(report.key);
    if (report.kind === 'ready' || operation === undefined) return;
    if (report.kind === 'step') {
      steps.set(operation, report.step);
      onStep(operation, report.step);
      return;
    }
    open.delete(report.key);
    if (report.kind === 'failed') operation.entry.reason = report.reason;
    if (operation.command.kind === 'create') operation.entry.created = report.kind;
    else if (report.kind === 'done') operation.entry.deleted = 'done';
    if (open.size === 0) resolve();
  };
  for (const { command } of operations) application.send(command);
  return {
    answered,
    open: () =>
      [...open.values()].flatMap((operation) => {
        const step = steps.get(operation);
        return step === undefined ? [] : [{ operation, step }];
      }),
  };
}
