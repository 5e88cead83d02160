import { execute } from '../../test/support/test-database.ts';

export interface BulkTasks {
  /** The tasks are `<prefix>0`, `<prefix>1`, … */
  readonly prefix: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** The owners are `<ownerPrefix>0`, `<ownerPrefix>1`, … in turn. */
  readonly ownerPrefix: string;
  readonly owners: number;
}

/**
 * Registers tasks of acme (tenant, parent, owner) straight in SpiceDB's Postgres: a million take half a minute, a
 * hundredth of what WriteRelationships takes. They are put into the latest transaction that SpiceDB itself made, so that
 * every revision since then holds them; Watch does not tell of them, and nobody may have asked about them before.
 */
export async function insertTasks(datastoreUrl: string, tasks: BulkTasks): Promise<void> {
  await execute(
    datastoreUrl,
    `INSERT INTO relation_tuple
       (namespace, object_id, relation, userset_namespace, userset_object_id, userset_relation, created_xid)
     SELECT 'task', '${tasks.prefix}' || n, related.relation, related.namespace, related.id, '...', latest.created_xid
       FROM generate_series(${tasks.from}, ${tasks.to - 1}) n,
         (SELECT created_xid FROM relation_tuple ORDER BY created_xid DESC LIMIT 1) latest,
         LATERAL (VALUES ('tenant', 'tenant', 'acme'), ('parent', 'agent', 'agent-1'),
           ('owner', 'user', '${tasks.ownerPrefix}' || (n % ${tasks.owners}))) related(relation, namespace, id);
     ANALYZE relation_tuple`,
  );
}
