import { Client } from 'pg';
import type { StoredRelationship } from '../../src/authorize/ports-lifecycle.ts';
import type { AppRow, AppType } from './protocol.ts';
import type { CrashStores } from './stores.ts';
import { callContext } from './stores.ts';

/** What the two stores hold, by the resource's id. */
export interface Truth {
  readonly rows: ReadonlyMap<string, AppRow>;
  /** Each as SpiceDB writes them: `task:1#owner@user:alice`. Sentinels are left out. */
  readonly relationships: ReadonlyMap<string, Registered>;
}

export interface Registered {
  readonly type: AppType;
  readonly relationships: ReadonlySet<string>;
  /** The account that it is registered in; undefined for one whose deregistration was cut. */
  readonly account: string | undefined;
}

const APP_TYPES = ['task', 'agent'] as const;
const SELECT_ROWS = `
  SELECT 'agent' AS type, id, owner, account, NULL AS parent FROM agents
  UNION ALL SELECT 'task', id, owner, account, agent_id FROM tasks`;

/** Reads all rows and all relationships of their types, past taskgate. Nothing must be writing. */
export async function readTruth({ databaseUrl, chain }: CrashStores): Promise<Truth> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<Omit<AppRow, 'parent'> & { parent: string | null }>(SELECT_ROWS);
    const relationships = new Map<string, Registered>();
    for (const type of APP_TYPES) {
      let cursor: string | undefined;
      do {
        const page = await chain.reader.scan(type, cursor, callContext());
        for (const relationship of page.relationships) addTo(relationships, type, relationship);
        ({ cursor } = page);
      } while (cursor !== undefined);
    }
    return {
      rows: new Map(rows.map((row) => [row.id, { ...row, parent: row.parent ?? undefined }])),
      relationships,
    };
  } finally {
    await client.end();
  }
}

/** What is to be registered of a row: no less, and no more. */
export function toRelationships({ type, id, owner, account, parent }: AppRow): ReadonlySet<string> {
  return new Set([
    `${type}:${id}#owner@user:${owner}`,
    `${type}:${id}#tenant@tenant:${account}`,
    ...(parent === undefined ? [] : [`${type}:${id}#parent@agent:${parent}`]),
  ]);
}

function addTo(
  registered: Map<string, Registered>,
  type: AppType,
  { object: { id }, relation, subject }: StoredRelationship,
): void {
  if (id === undefined) return;
  const { relationships, account } = registered.get(id) ?? { relationships: new Set(), account: undefined };
  registered.set(id, {
    type,
    relationships: new Set([...relationships, `${type}:${id}#${relation}@${subject.type}:${subject.id}`]),
    account: relation === 'tenant' ? subject.id : account,
  });
}
