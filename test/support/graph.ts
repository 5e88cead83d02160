import type { RelationshipReader, StoredRelationship } from '../../src/authorize/ports-lifecycle.ts';
import { callContext } from './spicedb.ts';

const TYPES = ['task', 'agent', 'api_key', 'schedule', 'tenant'] as const;

/** Every relationship of what taskgate registers, sentinels aside, as sorted lines such as `task:t1#owner@user:alice`. */
export async function readGraph(
  reader: RelationshipReader,
  types: readonly string[] = TYPES,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const type of types) {
    let cursor: string | undefined;
    do {
      const page = await reader.scan(type, cursor, callContext());
      lines.push(...page.relationships.filter(({ object }) => object.id !== undefined).map(toLine));
      ({ cursor } = page);
    } while (cursor !== undefined);
  }
  return lines.toSorted();
}

export function toLine({ object, relation, subject }: StoredRelationship): string {
  return `${object.type}:${object.id}#${relation}@${subject.type}:${subject.id ?? '*'}`;
}
