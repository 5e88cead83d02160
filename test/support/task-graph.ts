import type { Relationship, RelationshipObject } from '../../src/authorize/ports.ts';
import { PRINCIPAL_KINDS } from '../../src/domain/principal.ts';
import type { Principal } from '../../src/domain/principal.ts';
import type { Random } from './random.ts';

const ACCOUNTS = ['acme', 'globex'] as const;
const ROLES = ['owner', 'editor', 'viewer', 'executor'] as const;
type Role = (typeof ROLES)[number];

/** What each operation on a task needs, beside the account: of `deploy/spicedb/schema.zed`, written down anew. */
const ROLES_BY_OPERATION = {
  READ: ['viewer', 'editor', 'owner'],
  UPDATE: ['editor', 'owner'],
  DELETE: ['owner'],
  CANCEL: ['owner'],
  SHARE: ['owner'],
  EXECUTE: ['owner', 'executor'],
} as const satisfies Record<string, readonly Role[]>;

export type TaskOperation = keyof typeof ROLES_BY_OPERATION;
export const TASK_OPERATIONS = Object.keys(ROLES_BY_OPERATION) as readonly TaskOperation[];

/** Who acts, in either account: an id is the same one in both. */
export const ACTORS: readonly Principal[] = ACCOUNTS.flatMap((account) => [
  { kind: 'user', id: 'ann', account } as const,
  { kind: 'user', id: 'bob@example.com', account } as const,
  { kind: 'service_account', id: 'ann', account } as const,
  { kind: 'agent', id: 'ann', account } as const,
]);

interface Task {
  readonly id: string;
  /** None: it is tied to no account, so that nobody may do anything. */
  readonly account: string | undefined;
  readonly holders: readonly { readonly role: Role; readonly holder: Pick<Principal, 'kind' | 'id'> }[];
}

/** Tasks and who holds what on them, with an answer of its own to every check. */
export interface TaskGraph {
  readonly ids: readonly string[];
  readonly relationships: readonly Relationship[];
  isAllowed(principal: Principal, operation: TaskOperation, id: string): boolean;
}

/** Ids that are escaped, that look like one another, and that sort one way in one alphabet and another in the next. */
const STEMS = ['t', 'T', 'täsk', 'ta\u0308sk', 't*', 't%', 't=2A', 't/', 't|', 't ', 'ŧ😀', 'K', '\u212A'];

/** A graph of `size` tasks: some without an account, some with several roles for one, some with none. */
export function createTaskGraph(random: Random, size: number): TaskGraph {
  const tasks = Array.from({ length: size }, (_, index): Task => ({
    id: `${random.pick(STEMS)}${index}`,
    account: random.chance(0.1) ? undefined : random.pick(ACCOUNTS),
    holders: Array.from({ length: random.below(5) }, () => ({ role: random.pick(ROLES), holder: random.pick(ACTORS) })),
  }));
  const byId = new Map(tasks.map((task) => [task.id, task]));
  return {
    ids: tasks.map(({ id }) => id),
    relationships: [...accountGates(), ...tasks.flatMap(toRelationships)],
    isAllowed({ kind, id: who, account }, operation, id) {
      const task = byId.get(id);
      const allowed: readonly Role[] = ROLES_BY_OPERATION[operation];
      if (task === undefined || task.account !== account) return false;
      return task.holders.some(
        ({ role, holder }) => holder.kind === kind && holder.id === who && allowed.includes(role),
      );
    },
  };
}

export function accountGates(): readonly Relationship[] {
  return ACCOUNTS.flatMap((account) =>
    PRINCIPAL_KINDS.map((principalKind) => ({
      object: { kind: 'tenant' as const, account },
      relation: 'member',
      subject: { kind: 'account_members' as const, principalKind, account },
    })),
  );
}

export function belongsTo(id: string, account: string): Relationship {
  return {
    object: taskObject(id),
    relation: 'tenant',
    subject: { kind: 'object', object: { kind: 'tenant', account } },
  };
}

export function holdsRole(id: string, relation: string, holder: Pick<Principal, 'kind' | 'id'>): Relationship {
  const subject = { kind: 'principal', principalKind: holder.kind, id: holder.id } as const;
  return { object: taskObject(id), relation, subject };
}

function toRelationships({ id, account, holders }: Task): readonly Relationship[] {
  const tie = account === undefined ? [] : [belongsTo(id, account)];
  return [...tie, ...holders.map(({ role, holder }) => holdsRole(id, role, holder))];
}

function taskObject(id: string): RelationshipObject {
  return { kind: 'resource', type: 'task', id };
}
