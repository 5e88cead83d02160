import { Client } from 'pg';

/** When a relationship came or went, in milliseconds since the epoch. */
export interface Edge {
  /** When the datastore committed it. */
  readonly committedMs: number;
  /** When this process first saw that it had been: for what nobody acknowledged, this counts. */
  readonly seenMs: number;
}

/** One life of a relationship. */
export interface Life {
  readonly from: Edge;
  readonly to: Edge | undefined;
}

/** The truth: every relationship that SpiceDB has had on a task, with the times at which it committed them. */
export interface History extends AsyncDisposable {
  /** Reads what is new. Everything that was committed before `untilMs` is known then, but for what was under way. */
  refresh(): Promise<void>;
  readonly untilMs: number;
  /** By `relation@type:id`, earliest first. */
  livesOf(taskId: string): ReadonlyMap<string, readonly Life[]>;
}

/**
 * SpiceDB's datastore keeps what was deleted for a day, and Postgres keeps when each transaction was committed (the test
 * server runs with `track_commit_timestamp`): so the order of changes is read where it is made, and needs no guess about
 * calls whose outcome nobody knows.
 */
const SELECT_LIVES = `
  SELECT object_id, relation, userset_namespace || ':' || userset_object_id AS subject,
    created_xid::text AS created, deleted_xid::text AS deleted,
    (extract(epoch FROM pg_xact_commit_timestamp(created_xid::xid)) * 1000)::float8 AS created_ms,
    CASE WHEN deleted_xid::text = '9223372036854775807' THEN NULL
      ELSE (extract(epoch FROM pg_xact_commit_timestamp(deleted_xid::xid)) * 1000)::float8 END AS deleted_ms
  FROM relation_tuple WHERE namespace = 'task' ORDER BY created_xid`;

interface Row {
  readonly object_id: string;
  readonly relation: string;
  readonly subject: string;
  readonly created: string;
  readonly deleted: string;
  readonly created_ms: number;
  readonly deleted_ms: number | null;
}

/** Reads SpiceDB's Postgres datastore. @throws Error if it can't be reached. */
export async function openHistory(datastoreUrl: string): Promise<History> {
  const client = new Client({ connectionString: datastoreUrl });
  await client.connect();
  const seen = new Map<string, number>();
  let lives = new Map<string, Map<string, Life[]>>();
  let untilMs = 0;
  return {
    get untilMs() {
      return untilMs;
    },
    livesOf: (taskId) => lives.get(taskId) ?? new Map<string, Life[]>(),
    async refresh() {
      const startedMs = Date.now();
      const { rows } = await client.query<Row>(SELECT_LIVES);
      const nowMs = Date.now();
      const edge = (xid: string, committedMs: number): Edge => {
        const seenMs = seen.get(xid) ?? nowMs;
        seen.set(xid, seenMs);
        return { committedMs, seenMs };
      };
      lives = new Map();
      for (const row of rows) {
        const ofTask = getOrAdd(lives, row.object_id, () => new Map<string, Life[]>());
        const ofKey = getOrAdd(ofTask, `${row.relation}@${row.subject}`, () => []);
        const to = row.deleted_ms === null ? undefined : edge(row.deleted, row.deleted_ms);
        const last = ofKey.at(-1);
        // A touch may replace what is there: it has never been gone.
        const isGoingOn = last?.to !== undefined && last.to.committedMs === row.created_ms;
        if (isGoingOn) ofKey[ofKey.length - 1] = { from: last.from, to };
        else ofKey.push({ from: edge(row.created, row.created_ms), to });
      }
      untilMs = startedMs;
    },
    async [Symbol.asyncDispose]() {
      await client.end();
    },
  };
}

function getOrAdd<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
