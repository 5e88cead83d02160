import { readFileSync } from 'node:fs';
import { v1 } from '@authzed/authzed-node';
import { escapeObjectId } from '../../src/relationships/object-id.ts';
import { createSpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import { WRITE_RELATIONSHIPS } from '../../src/relationships/spicedb-methods.ts';
import type { SpiceDbEngine, SpiceDbStore } from '../support/spicedb.ts';
import { callContext, SYSTEM_CLOCK } from '../support/spicedb.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { startWithStores } from '../support/taskgate.ts';

const EVALUATION = '/access/v1/evaluation';
const NO_DATABASE = 'postgres://nobody@127.0.0.1:1/none';

/** One relationship: type, id, relation, type, id, as the application writes ids. `*` as the last is everybody. */
export interface Tie {
  readonly tie: readonly [type: string, id: string, relation: string, subjectType: string, subjectId: string];
  readonly caveat?: { readonly name: string; readonly context: Record<string, string> };
}

export interface Result {
  readonly type?: string;
  readonly id?: string;
  readonly name?: string;
}

interface AuthzenBody {
  readonly decision: boolean;
  readonly evaluations: readonly { readonly decision: boolean; readonly context?: object }[];
  readonly results: readonly Result[];
  readonly page: { readonly next_token: string; readonly count: number };
  readonly context?: object;
}

export interface AuthzenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** What JSON it is: each test asserts that it has what it looks at. */
  readonly body: AuthzenBody;
}

export interface AuthzenPdp extends AsyncDisposable {
  readonly gate: TestTaskgate;
  readonly store: SpiceDbStore;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<AuthzenAnswer>;
  get(path: string, headers?: Record<string, string>): Promise<AuthzenAnswer>;
  /** The decision about one tuple. */
  decide(subject: object, action: object, resource: object, context?: object): Promise<boolean>;
}

export function readVectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`vectors/${name}.json`, import.meta.url), 'utf8'));
}

/** A taskgate before a store with a schema of its own: none of the types that taskgate has by default are in it. */
export async function startPdp(
  engine: SpiceDbEngine,
  {
    schema,
    ties,
    yaml = 'types: {}',
  }: { readonly schema: string; readonly ties: readonly Tie[]; readonly yaml?: string },
): Promise<AuthzenPdp> {
  await using opened = new AsyncDisposableStack();
  const source = readFileSync(new URL(`schemas/${schema}.zed`, import.meta.url), 'utf8');
  const store = opened.use(await engine.openStore(source));
  await writeTies(store, ties);
  const gate = opened.use(await startWithStores({ spiceDb: store.options, databaseUrl: NO_DATABASE }, { yaml }));
  const kept = opened.move();
  return { ...createClient(gate), store, gate, [Symbol.asyncDispose]: async () => kept.disposeAsync() };
}

export async function writeTies(store: SpiceDbStore, ties: readonly Tie[]): Promise<void> {
  const client = createSpiceDbClient({ clock: SYSTEM_CLOCK }, store.options);
  // SpiceDB refuses a relationship that comes twice.
  const once = [...new Map(ties.map((tie) => [JSON.stringify(tie.tie), tie])).values()];
  const updates = once.map((tie) => ({
    operation: v1.RelationshipUpdate_Operation.TOUCH,
    relationship: toRelationship(tie),
  }));
  try {
    for (let at = 0; at < updates.length; at += 500) {
      const request = { updates: updates.slice(at, at + 500), optionalPreconditions: [] };
      await client.call(WRITE_RELATIONSHIPS, request, callContext(), { idempotent: true });
    }
  } finally {
    client.close();
  }
}

function toRelationship({ tie: [type, id, relation, subjectType, subjectId], caveat }: Tie): v1.Relationship {
  return {
    resource: { objectType: type, objectId: escapeObjectId(id) ?? '' },
    relation,
    subject: {
      object: { objectType: subjectType, objectId: subjectId === '*' ? '*' : (escapeObjectId(subjectId) ?? '') },
      optionalRelation: '',
    },
    ...(caveat === undefined
      ? {}
      : { optionalCaveat: { caveatName: caveat.name, context: v1.PbStruct.fromJson(caveat.context) } }),
  };
}

export function createClient({
  addresses,
}: Pick<TestTaskgate, 'addresses'>): Pick<AuthzenPdp, 'post' | 'get' | 'decide'> {
  const ask = async (path: string, init: RequestInit): Promise<AuthzenAnswer> => {
    const response = await fetch(`http://${addresses.http}${path}`, init);
    const text = await response.text();
    const isJson = response.headers.get('content-type') === 'application/json';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : undefined) as AuthzenBody,
    };
  };
  const post = async (path: string, body: unknown, headers = {}): Promise<AuthzenAnswer> =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  return {
    post,
    get: async (path, headers = {}) => ask(path, { headers }),
    async decide(subject, action, resource, context) {
      const answer = await post(EVALUATION, { subject, action, resource, ...(context && { context }) });
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
      return answer.body.decision;
    },
  };
}
