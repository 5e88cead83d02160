import type { Relationship, RelationshipObject } from '../../../src/authorize/ports.ts';
import { MINIMIZE_LATENCY } from '../../../src/domain/consistency.ts';
import { createRelationshipChain } from '../../../src/relationships/relationship-chain.ts';
import { callContext, SYSTEM_CLOCK } from '../../support/spicedb.ts';
import type { StoreAddresses } from '../../support/taskgate.ts';
import { execute } from '../../support/test-database.ts';
import { waitUntil } from '../../support/wait-until.ts';
import type { Cell } from './cells.ts';
import { CELLS } from './cells.ts';

/** What one cell is about: nobody else asks for any of it, so that cold is cold. */
export interface World {
  readonly cell: Cell;
  /** In acme; owns the task and the agent. */
  readonly owner: string;
  /** In acme, with no role on anything. */
  readonly stranger: string;
  readonly task: string;
  readonly taskName: string;
  /** Hangs off the task. */
  readonly message: string;
  readonly agent: string;
  readonly agentName: string;
  /** An id and a name that nothing has. */
  readonly none: string;
  /** What may be registered. */
  readonly fresh: string;
  /** Whom roles are given to, and a second owner of the task. */
  readonly guest: string;
  readonly partner: string;
}

export const ACCOUNT = 'acme';
/** SpiceDB takes 1,000 in one write. */
const MAX_WRITTEN = 900;

/** The worlds of all cells of one group, not written yet. `group` tells them from those of other groups. */
export function createWorlds(group: string): readonly World[] {
  return CELLS.map((cell, index) => createWorld(`${group}-${index}`, cell));
}

export function createWorld(key: string, cell: Cell): World {
  return {
    cell,
    owner: `owner-${key}`,
    stranger: `stranger-${key}`,
    task: `task-${key}`,
    taskName: `task-name-${key}`,
    message: `message-${key}`,
    agent: `agent-${key}`,
    agentName: `agent-name-${key}`,
    none: `none-${key}`,
    fresh: `fresh-${key}`,
    guest: `guest-${key}`,
    partner: `partner-${key}`,
  };
}

/**
 * Writes the rows and the relationships of the worlds, past every fault. Resolves when a read that minimises latency sees
 * them: what lags behind would look like a wrong answer.
 */
export async function writeWorlds(stores: StoreAddresses, worlds: readonly World[]): Promise<void> {
  const rowsOf = (toRow: (world: World) => string): string => worlds.map((world) => `(${toRow(world)})`).join(', ');
  await execute(
    stores.databaseUrl,
    `INSERT INTO agents (id, name) VALUES ${rowsOf(({ agent, agentName }) => `'${agent}', '${agentName}'`)};
     INSERT INTO tasks (id, name) VALUES ${rowsOf(({ task, taskName }) => `'${task}', '${taskName}'`)};
     INSERT INTO messages (id, task_id) VALUES ${rowsOf(({ message, task }) => `'${message}', '${task}'`)};`,
  );
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: { ...stores.spiceDb, timeoutMs: 20_000 } });
  try {
    const relationships = worlds.flatMap(toRelationships);
    for (let at = 0; at < relationships.length; at += MAX_WRITTEN) {
      await chain.writer.touch(relationships.slice(at, at + MAX_WRITTEN), callContext({ timeoutMs: 20_000 }));
    }
    await untilSeen(stores, worlds.at(-1));
  } finally {
    chain.close();
  }
}

async function untilSeen({ spiceDb }: StoreAddresses, last: World | undefined): Promise<void> {
  if (last === undefined) return;
  // A chain that has written reads its own writes.
  const chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb });
  const held = {
    object: { kind: 'resource', type: 'agent', id: last.agent },
    permission: 'read',
    principal: { kind: 'user', id: last.owner, account: ACCOUNT },
  } as const;
  try {
    await waitUntil(
      async () => {
        const { results } = await chain.relationships.check([held], MINIMIZE_LATENCY, callContext());
        return results[0]?.kind === 'held' ? true : undefined;
      },
      { what: 'seeing what was written', timeoutMs: 20_000, intervalMs: 100 },
    );
  } finally {
    chain.close();
  }
}

function toRelationships({ task, agent, owner, partner }: World): readonly Relationship[] {
  return [
    ...owned({ kind: 'resource', type: 'task', id: task }, [owner, partner]),
    ...owned({ kind: 'resource', type: 'agent', id: agent }, [owner]),
  ];
}

function owned(object: RelationshipObject, owners: readonly string[]): readonly Relationship[] {
  return [
    { object, relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account: ACCOUNT } } },
    ...owners.map((id): Relationship => ({
      object,
      relation: 'owner',
      subject: { kind: 'principal', principalKind: 'user', id },
    })),
  ];
}
