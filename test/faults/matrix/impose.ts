import { startHostileSpiceDb } from '../../support/hostile-spicedb.ts';
import type { FaultyTaskgate } from '../../support/faulty-taskgate.ts';
import type { FaultMode, FaultProxy } from '../../support/fault-proxy.ts';
import type { PostgresReplyOf } from '../../support/impostor-postgres.ts';
import { startFullPostgres, startImpostorPostgres } from '../../support/impostor-postgres.ts';
import type { Impostor } from '../../support/impostor-redis.ts';
import { startImpostorRedis } from '../../support/impostor-redis.ts';
import type { StoreAddresses } from '../../support/taskgate.ts';
import type { Fault, Store } from './cells.ts';
import { createWrongShapes, OVERLOADED, SPICEDB_CANARY } from './hostile-answers.ts';

/** What the impostors say in their errors: none of it may be sent on, or logged at info or above. */
export const IMPOSTOR_CANARIES = [
  SPICEDB_CANARY,
  'canary-datastore-password',
  'canary-words-of-postgres',
  'canary-words-of-redis',
] as const;

const MODES: Partial<Readonly<Record<Fault, FaultMode>>> = {
  ok: 'ok',
  refused: 'refuse',
  hung: 'hang',
  slow: 'slow',
  'reset mid-reply': 'cut',
  garbage: 'garbage',
};

/** Makes a store fail until what it returns is disposed of; then it is well again. */
export async function impose(
  { store, fault }: { readonly store: Store; readonly fault: Fault },
  faulty: FaultyTaskgate,
  stores: StoreAddresses,
): Promise<AsyncDisposable> {
  const proxy: FaultProxy = faulty.stores[store];
  const mode = MODES[fault];
  if (mode !== undefined) {
    await proxy.setMode(mode);
    return { [Symbol.asyncDispose]: async () => proxy.setMode('ok') };
  }
  const impostor = await startImpostor(store, fault === 'overloaded', stores);
  proxy.divertTo({ host: '127.0.0.1', port: impostor.port });
  return {
    async [Symbol.asyncDispose]() {
      proxy.divertTo(undefined);
      await impostor[Symbol.asyncDispose]();
    },
  };
}

async function startImpostor(store: Store, isOverloaded: boolean, stores: StoreAddresses): Promise<Impostor> {
  switch (store) {
    case 'redis':
      return startImpostorRedis(isOverloaded ? REDIS_OVERLOADED : REDIS_WRONG_SHAPES);
    case 'database':
      return isOverloaded
        ? startFullPostgres('sorry, too many clients already: canary-words-of-postgres')
        : startImpostorPostgres(POSTGRES_WRONG_SHAPES);
    case 'spicedb': {
      const hostile = await startHostileSpiceDb(stores.spiceDb.endpoint);
      hostile.attack(isOverloaded ? () => () => OVERLOADED : createWrongShapes());
      return {
        port: hostile.port,
        [Symbol.asyncDispose]: async () => hostile[Symbol.asyncDispose](),
      };
    }
    default:
      return store satisfies never;
  }
}

/** Replies that are RESP, and not what was asked for; the last ones end the connection. */
const REDIS_WRONG_SHAPES = [
  ':1\r\n',
  '+OK\r\n',
  '*0\r\n',
  '*-1\r\n',
  '*1\r\n$1\r\nx\r\n',
  '*2\r\n*1\r\n:1\r\n$-1\r\n',
  '$0\r\n\r\n',
  '$5\r\nfound\r\n',
  '-WRONGTYPE canary-words-of-redis\r\n',
  '*5000000000\r\n',
];
const REDIS_OVERLOADED = [
  '-BUSY Redis is busy running a script: canary-words-of-redis\r\n',
  "-OOM command not allowed when used memory > 'maxmemory': canary-words-of-redis\r\n",
  '-LOADING Redis is loading the dataset in memory: canary-words-of-redis\r\n',
];

const TEXT = 25;
const INTEGER = 23;
const OTHER_COLUMNS = [
  { name: 'somebody', oid: TEXT },
  { name: 'elses', oid: INTEGER },
];
const PARENT_COLUMNS = [
  { name: 'key', oid: TEXT },
  { name: 'parent_0', oid: TEXT },
  { name: 'parent_1', oid: TEXT },
];

/** From none of these anything may be concluded: not that there is a parent, and not that there is none. */
const POSTGRES_WRONG_SHAPES: readonly PostgresReplyOf[] = [
  () => ({ columns: OTHER_COLUMNS, rows: [['a', '1']] }),
  () => ({ columns: OTHER_COLUMNS }),
  () => ({}),
  () => ({ tag: 'INSERT 0 1' }),
  () => ({ columns: PARENT_COLUMNS, rows: [['a key that nobody asked for', 'task-1', 'task-1']] }),
  () => ({ columns: PARENT_COLUMNS, rows: [[null, 'task-1', 'task-1']] }),
  (keys) => ({
    columns: PARENT_COLUMNS.map(({ name }, index) => ({ name, oid: index === 0 ? TEXT : INTEGER })),
    rows: keys.map((key) => [key, '1', '1']),
  }),
  (keys) => ({ columns: PARENT_COLUMNS.slice(0, 1), rows: keys.map((key) => [key]) }),
  (keys) => ({ columns: PARENT_COLUMNS, rows: keys.map((key) => [key, '', '']) }),
  (keys) => ({
    columns: PARENT_COLUMNS,
    rows: keys.flatMap((key) => [
      [key, 'task-1', 'task-1'],
      [key, 'task-9', 'task-9'],
    ]),
  }),
];
