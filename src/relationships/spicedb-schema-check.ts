import { status } from '@grpc/grpc-js';
import type { v1 } from '@authzed/authzed-node';
import type { CallContext, SchemaCheck } from '../authorize/ports.ts';
import type { MappedPermission } from '../domain/mapped-permissions.ts';
import { UnavailableError } from '../domain/errors.ts';
import { sentinelObjectId } from './object-id.ts';
import type { SpiceDbClient } from './spicedb-client.ts';
import { grpcStatusOf } from './spicedb-errors.ts';
import { CHECK_BULK_PERMISSIONS, REFLECT_SCHEMA } from './spicedb-methods.ts';
import { toConsistency } from './spicedb-requests.ts';

const IDEMPOTENT = { idempotent: true };

/** Asks SpiceDB for its schema or, where the engine can't tell it, for the permissions one by one. */
export function createSpiceDbSchemaCheck({ client }: { readonly client: SpiceDbClient }): SchemaCheck {
  return {
    async missingPermissions(mapped, context) {
      if (mapped.length === 0) return [];
      const definitions = await reflectDefinitions(client, context);
      if (definitions === undefined) return probe(client, mapped, context);
      return mapped.filter(({ definition, permission }) => !definitions.get(definition)?.has(permission));
    },
  };
}

/** What can be checked on each definition, or undefined where the engine does not reflect. */
async function reflectDefinitions(
  client: SpiceDbClient,
  context: CallContext,
): Promise<ReadonlyMap<string, ReadonlySet<string>> | undefined> {
  const request = { optionalFilters: [], consistency: toConsistency({ kind: 'fully_consistent' }) };
  try {
    const { definitions } = await client.call(REFLECT_SCHEMA, request, context, IDEMPOTENT);
    return new Map(
      definitions.map(({ name, permissions, relations }) => [
        name,
        new Set([...permissions, ...relations].map((checkable) => checkable.name)),
      ]),
    );
  } catch (thrown) {
    const code = grpcStatusOf(thrown)?.code;
    if (code === status.UNIMPLEMENTED) return undefined;
    // No schema has been written yet.
    if (code === status.NOT_FOUND) return new Map();
    throw thrown;
  }
}

/** A check of a definition or permission that the schema lacks fails with FAILED_PRECONDITION, item by item. */
async function probe(
  client: SpiceDbClient,
  mapped: readonly MappedPermission[],
  context: CallContext,
): Promise<readonly MappedPermission[]> {
  const consistency = toConsistency({ kind: 'fully_consistent' });
  const request = { items: mapped.map(toProbe), consistency, withTracing: false };
  const { pairs } = await client.call(CHECK_BULK_PERMISSIONS, request, context, IDEMPOTENT);
  if (pairs.length !== mapped.length) throw new UnavailableError('spicedb');
  return mapped.filter((_, index) => isUnknown(pairs[index]));
}

function toProbe({ definition, permission }: MappedPermission): v1.CheckBulkPermissionsRequestItem {
  // The object asks for itself: then no other definition has to exist.
  const object = { objectType: definition, objectId: sentinelObjectId(0) };
  return { resource: object, permission, subject: { object, optionalRelation: '' } };
}

function isUnknown(pair: v1.CheckBulkPermissionsPair | undefined): boolean {
  if (pair?.response.oneofKind === 'item') return false;
  const refused = pair?.response.oneofKind === 'error' ? pair.response.error : undefined;
  if (refused?.code === status.FAILED_PRECONDITION) return true;
  throw new UnavailableError('spicedb', { cause: new Error(refused?.message ?? 'an answer without a result') });
}
