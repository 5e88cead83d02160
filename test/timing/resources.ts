import { execute } from '../support/test-database.ts';

/** What is asked about: a child by id, a registered resource by id, and one by name. */
export const KINDS = ['message', 'task', 'name'] as const;
export type Kind = (typeof KINDS)[number];

/** Whose a denied resource is: another principal's of the same account, or somebody's of another account. */
export const OWNERS = ['same account', 'other account'] as const;
export type Owner = (typeof OWNERS)[number];

/** The account of whoever asks. */
export const ACCOUNT = 'acme';
const OWNER_OF = {
  'same account': { account: ACCOUNT, agent: 'agent-1', user: 'alice' },
  'other account': { account: 'globex', agent: 'agent-9', user: 'mallory' },
} as const;

export interface Databases {
  readonly applicationUrl: string;
  /** SpiceDB's own. */
  readonly datastoreUrl: string;
}

const ID_HEX_DIGITS = 12;
/** Spreads the numbers over the ids, so that an id says nothing of its number, and those of a sample lie apart in an index. */
const MULTIPLIER = 0x9e3779b1;

/** The ids of samples: all of one length, none twice. */
export function createIds(): (count: number) => readonly string[] {
  let next = 0;
  return (count) =>
    Array.from({ length: count }, () => {
      next += 1;
      const scattered = (BigInt(next) * BigInt(MULTIPLIER)) % 2n ** 40n;
      return `r-${scattered.toString(16).padStart(ID_HEX_DIGITS, '0')}`;
    });
}

/**
 * Makes the resources be there. The relationships (tenant, parent, owner) go straight into SpiceDB's Postgres, into the
 * latest transaction that SpiceDB itself made: so none of them is a change that Watch tells of, which would have a check
 * of it wait for a revision, for as long as a floor lasts.
 */
export async function insertResources(databases: Databases, ids: readonly string[], kind: Kind, owner: Owner) {
  const { account, agent, user } = OWNER_OF[owner];
  const list = ids.map((id) => `('${id}')`).join(',');
  const rows = {
    message: `INSERT INTO messages (id, task_id) SELECT id, 'of-' || id FROM (VALUES ${list}) asked(id);`,
    task: '',
    name: `INSERT INTO tasks (id, name, account_id, agent_id)
             SELECT 'of-' || id, id, '${account}', '${agent}' FROM (VALUES ${list}) asked(id);`,
  }[kind];
  await execute(databases.applicationUrl, `${rows} ANALYZE`);
  await execute(
    databases.datastoreUrl,
    `INSERT INTO relation_tuple
       (namespace, object_id, relation, userset_namespace, userset_object_id, userset_relation, created_xid)
     SELECT 'task', '${kind === 'task' ? '' : 'of-'}' || asked.id, related.relation, related.namespace, related.id, '...',
         latest.created_xid
       FROM (VALUES ${list}) asked(id),
         (SELECT created_xid FROM relation_tuple ORDER BY created_xid DESC LIMIT 1) latest,
         LATERAL (VALUES ('tenant', 'tenant', '${account}'), ('parent', 'agent', '${agent}'), ('owner', 'user', '${user}'))
           related(relation, namespace, id);
     ANALYZE relation_tuple`,
  );
}
