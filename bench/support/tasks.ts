import type { CallContext, Relationship, RelationshipObject } from '../../src/authorize/ports.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';

/** Who owns every benchmark task, who views one in a hundred, and who holds nothing. */
export const READERS = { all: 'bench-owner', some: 'bench-viewer', none: 'bench-nobody' } as const;

const RELATIONSHIPS_PER_WRITE = 900;
const WRITES_AT_ONCE = 4;
const SHARE_OF_VIEWER = 100;
const WRITE_TIMEOUT_MS = 60_000;

export function taskId(index: number | string): string {
  return `bench-task-${index}`;
}

/** The id of the one message that hangs off the task of the same index. */
export function messageOfTask(index: number | string): string {
  return `bench-message-of-${index}`;
}

/** Registers tasks `from` to `to` (exclusive) of acme, as an application would: tenant, parent, owner, a viewer. */
export async function seedTasks(chain: RelationshipChain, from: number, to: number): Promise<void> {
  const relationships = Array.from({ length: to - from }, (_, offset) => toRelationships(from + offset)).flat();
  const writes: Relationship[][] = [];
  for (let at = 0; at < relationships.length; at += RELATIONSHIPS_PER_WRITE) {
    writes.push(relationships.slice(at, at + RELATIONSHIPS_PER_WRITE));
  }
  const context: CallContext = {
    signal: new AbortController().signal,
    deadlineAtMs: Date.now() + WRITE_TIMEOUT_MS * 10,
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let write = writes[next++]; write !== undefined; write = writes[next++])
      await chain.writer.touch(write, context);
  };
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, worker));
}

function toRelationships(index: number): Relationship[] {
  const object: RelationshipObject = { kind: 'resource', type: 'task', id: taskId(index) };
  const role = (relation: string, id: string): Relationship => ({
    object,
    relation,
    subject: { kind: 'principal', principalKind: 'user', id },
  });
  return [
    { object, relation: 'tenant', subject: { kind: 'object', object: { kind: 'tenant', account: 'acme' } } },
    {
      object,
      relation: 'parent',
      subject: { kind: 'object', object: { kind: 'resource', type: 'agent', id: 'agent-1' } },
    },
    role('owner', READERS.all),
    ...(index % SHARE_OF_VIEWER === 0 ? [role('viewer', READERS.some)] : []),
  ];
}
