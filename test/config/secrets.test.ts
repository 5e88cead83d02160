import { expect, test } from 'vitest';
import { formatProblems } from '../../src/config/problem.ts';
import { load, SIGNING_SECRET } from './support.ts';

const CANARY = 'c4n4ry';
/** A secret that passes, so that the problem is another one. */
const LONG_CANARY = `${CANARY}${SIGNING_SECRET}`;
const REDIS_KEYS = `signing_keys: [{ id: a, secret: ${LONG_CANARY} }]`;

/** Each has a problem at or beside a secret. */
test.each([
  ['a token with a space', `spicedb: { token: "${CANARY} x" }`],
  ['a token that is a list', `spicedb: { token: [${CANARY}] }`],
  ['a token that is a mapping', `spicedb: { token: { ${CANARY}: 1 } }`],
  ['a token that is an alias', `spicedb:\n  token: *${CANARY}`],
  ['a token that is a tag', `spicedb:\n  token: !${CANARY}`],
  ['a token with an open quote', `spicedb:\n  token: "${CANARY}\n`],
  ['a token with a bad escape', `spicedb:\n  token: "\\q${CANARY}"\n`],
  ['a token with a colon', `spicedb:\n  token: ${CANARY}: x\n`],
  ['a token twice', `spicedb:\n  token: ${CANARY}\n  token: ${CANARY}\n`],
  ['a token with a reserved character', `spicedb:\n  token: @${CANARY}`],
  ['a token with a reference in it', `spicedb: { token: "${CANARY}\${X}" }`],
  ['a database URL of the wrong kind', `database: { url: "mysql://u:${CANARY}@h/db" }`],
  ['a database URL that can not be parsed', `database: { url: "postgres://u:${CANARY}/x@h/db" }`],
  ['a Redis URL of the wrong kind', `redis: { url: "http://u:${CANARY}@h", ${REDIS_KEYS} }`],
  ['a Redis URL in the wrong mode', `redis: { mode: cluster, url: "redis://u:${CANARY}@h", ${REDIS_KEYS} }`],
  ['a Redis password twice', `redis: { url: "redis://u:${CANARY}@h", password: ${CANARY}, ${REDIS_KEYS} }`],
  ['a Redis password that is a number', `redis: { url: "redis://h", password: [${CANARY}], ${REDIS_KEYS} }`],
  ['a Redis address with a password', `redis: { mode: cluster, nodes: ["u:${CANARY}@h:1"], ${REDIS_KEYS} }`],
  ['a short signing secret', `redis: { url: "redis://h", signing_keys: [{ id: a, secret: ${CANARY} }] }`],
  ['a signing secret in place of its key', `redis: { url: "redis://h", signing_keys: [${CANARY}] }`],
  ['a signing secret in place of the list', `redis: { url: "redis://h", signing_keys: ${CANARY} }`],
  [
    'a signing secret in place of its id',
    `redis: { url: "redis://h", signing_keys: [{ id: ${LONG_CANARY}A, secret: x }] }`,
  ],
  ['a secret in a listener address', `listeners: { http: { address: "${CANARY}" } }`],
  ['a secret where a word belongs', `log: { level: ${CANARY}, format: ${CANARY} }`],
])('no problem holds %s from YAML', (_name, yaml) => {
  // The environment wins over YAML, so the variables that these stand beside must not be set.
  const loaded = load({ yaml, env: { TASKGATE_SPICEDB_TOKEN: '', TASKGATE_DATABASE_URL: '' } });
  if (loaded.kind === 'valid') throw new Error('has no problem');
  expect(formatProblems(loaded.problems)).not.toContain(CANARY);
  expect(formatProblems(loaded.problems)).not.toMatch(/c4n4/);
});

test.each([
  'TASKGATE_GRPC_ADDRESS',
  'TASKGATE_HTTP_ADDRESS',
  'TASKGATE_ADMIN_ADDRESS',
  'TASKGATE_SPICEDB_ENDPOINT',
  'TASKGATE_SPICEDB_TOKEN',
  'TASKGATE_DATABASE_URL',
  'TASKGATE_REDIS_URL',
  'TASKGATE_REDIS_SIGNING_SECRET',
  'TASKGATE_CONFIG',
  'TASKGATE_UNKNOWN',
])('no problem holds the value of %s', (variable) => {
  const loaded = load({ env: { [variable]: `${CANARY} ${CANARY}` } });
  if (loaded.kind === 'valid') throw new Error('has no problem');
  expect(formatProblems(loaded.problems)).toContain(variable);
  expect(formatProblems(loaded.problems)).not.toContain(CANARY);
});

test('no problem holds what a variable that YAML refers to holds', () => {
  const yaml = 'log: { level: "${SECRET}" }\nspicedb: { endpoint: "${SECRET}" }\nredis: { url: "${SECRET}" }';
  const loaded = load({ yaml, env: { SECRET: CANARY, TASKGATE_SPICEDB_ENDPOINT: '' } });
  if (loaded.kind === 'valid') throw new Error('has no problem');
  expect(loaded.problems.map(({ path }) => path)).toEqual([
    'spicedb.endpoint',
    'redis.url',
    'log.level',
    'redis.signing_keys',
  ]);
  expect(formatProblems(loaded.problems)).not.toContain(CANARY);
});
