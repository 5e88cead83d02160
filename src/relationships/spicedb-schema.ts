import { status } from '@grpc/grpc-js';
import type { v1 } from '@authzed/authzed-node';
import type { CallContext } from '../authorize/ports.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { grpcStatusOf, malformedAnswer } from './spicedb-errors.ts';
import { DIFF_SCHEMA, READ_SCHEMA, WRITE_SCHEMA } from './spicedb-methods.ts';
import { toConsistency } from './spicedb-requests.ts';

/** What SpiceDB holds beside a schema. Comments are no difference. */
export type SchemaComparison =
  | { readonly kind: 'same' }
  /** No schema was ever written. */
  | { readonly kind: 'absent' }
  /** `differences`: one line for each, of what writing would do, such as `permission added: task.cancel`. */
  | { readonly kind: 'different'; readonly differences: readonly string[] };

/** Why SpiceDB does not take a schema, in SpiceDB's words: they name lines and relations of the schema. */
export class SchemaRefusedError extends Error {}

/** The schema of a SpiceDB: compared with another, and written. */
export interface SpiceDbSchema {
  /** @throws SchemaRefusedError if it is no valid schema; TaskgateError if SpiceDB could not tell. */
  compare(schema: string, context: CallContext): Promise<SchemaComparison>;
  /**
   * Replaces the schema whole. SpiceDB refuses one that lacks what relationships use.
   *
   * @returns the revision (ZedToken) that it was written at.
   * @throws SchemaRefusedError if SpiceDB does not take it; TaskgateError if it is not known whether it was written.
   */
  write(schema: string, context: CallContext): Promise<string>;
}

const IDEMPOTENT = { idempotent: true };
const REFUSALS: ReadonlySet<number> = new Set([status.INVALID_ARGUMENT, status.FAILED_PRECONDITION]);

/** The schema service of SpiceDB, 1.40 or later. */
export function createSpiceDbSchema({ client }: { readonly client: SpiceDbClient }): SpiceDbSchema {
  return {
    async compare(schema, context) {
      if (!(await isWritten(client, context))) return { kind: 'absent' };
      const consistency = toConsistency({ kind: 'fully_consistent' });
      const request = { comparisonSchema: schema, consistency };
      const { diffs } = await refusable(client.call(DIFF_SCHEMA, request, context, IDEMPOTENT));
      const differences = diffs.map(describe).filter((line) => line !== undefined);
      return differences.length === 0 ? { kind: 'same' } : { kind: 'different', differences };
    },
    async write(schema, context) {
      const { writtenAt } = await refusable(client.call(WRITE_SCHEMA, { schema }, context, IDEMPOTENT));
      if (writtenAt === undefined || writtenAt.token === '')
        throw malformedAnswer('a written schema without a revision');
      return writtenAt.token;
    },
  };
}

async function isWritten(client: SpiceDbClient, context: CallContext): Promise<boolean> {
  try {
    await client.call(READ_SCHEMA, {}, context, IDEMPOTENT);
    return true;
  } catch (thrown) {
    if (grpcStatusOf(thrown)?.code === status.NOT_FOUND) return false;
    throw thrown;
  }
}

async function refusable<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (thrown) {
    const refused = grpcStatusOf(thrown);
    if (refused === undefined || !REFUSALS.has(refused.code)) throw thrown;
    throw new SchemaRefusedError(refused.details, { cause: thrown });
  }
}

/** Undefined for a comment. A kind of difference that is not known is one all the same. */
function describe({ diff }: v1.ReflectionSchemaDiff): string | undefined {
  const kind = diff.oneofKind ?? 'changeThatIsNotKnown';
  if (kind.endsWith('DocCommentChanged')) return undefined;
  const changed: unknown =
    diff.oneofKind === undefined ? undefined : Object.entries(diff).find(([key]) => key === kind)?.[1];
  const words = kind.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words}: ${nameOf(changed)}`;
}

/** `task.read` of a permission, a relation, or whatever is told about one. */
function nameOf(changed: unknown): string {
  if (typeof changed !== 'object' || changed === null) return '?';
  const parts: Readonly<Record<string, unknown>> = { ...changed };
  const inner = parts['relation'] ?? parts['parameter'];
  if (inner !== undefined) return nameOf(inner);
  const names = [parts['parentDefinitionName'], parts['parentCaveatName'], parts['name']];
  return names.filter((name) => typeof name === 'string').join('.');
}
