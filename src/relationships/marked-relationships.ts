import type { RelationshipResult, Relationships } from '../authorize/ports.ts';

const HELD: RelationshipResult = { kind: 'held', source: 'spicedb' };
const DENIED: RelationshipResult = { kind: 'denied', source: 'spicedb' };

/** Says of each answer that it had to be asked for. */
export function createMarkedRelationships({ inner }: { readonly inner: Relationships }): Relationships {
  return {
    async check(checks, consistency, context) {
      const { results, checkedAt } = await inner.check(checks, consistency, context);
      return { results: results.map(mark), checkedAt };
    },
  };
}

function mark(result: RelationshipResult): RelationshipResult {
  if (result.kind === 'failed') return result;
  return result.kind === 'held' ? HELD : DENIED;
}
