import { readFileSync } from 'node:fs';
import { loadConfig } from '../../../src/config/load-config.ts';
import { renderConfig } from '../../../src/config/render-config.ts';
import { createSettingsSchema } from '../../../src/config/settings-schema.ts';
import { REQUIRED_ENV, SIGNING_SECRET } from '../../config/support.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text, toText } from '../target.ts';

const SHIPPED = readFileSync(new URL('../../../deploy/taskgate.yaml', import.meta.url), 'utf8');
const WORDS = [
  ...Object.keys(createSettingsSchema().shape),
  'url',
  'table',
  'operations',
  'read',
  'parent',
  'rows',
  'owner',
];
const SYNTAX = [
  '{',
  '}',
  '[',
  ']',
  ': ',
  '\n',
  '  ',
  '- ',
  '"',
  "'",
  '|',
  '>',
  '&a',
  '*a',
  '<<',
  '? ',
  '!!',
  '---',
  '#',
  '${HOME}',
  '\t',
];

function toStory(load: () => ReturnType<typeof loadConfig>): string {
  const loaded = load();
  if (loaded.kind === 'valid') return `valid ${renderConfig(loaded.config).length > 0}`;
  assertThat(loaded.problems.length > 0, 'what is invalid has a problem');
  for (const { path, message } of loaded.problems) {
    assertThat(path !== '' && message !== '' && !/undefined|\[object|NaN/.test(message), 'a problem can be read');
    assertThat(!message.includes(SIGNING_SECRET), 'no message holds a value');
  }
  return loaded.problems.map(({ message }) => message).toSorted()[0] ?? '';
}

const yaml: FuzzTarget = {
  name: 'config-yaml',
  seeds: [
    SHIPPED,
    SHIPPED.replaceAll(/^( *)#(?=[a-z])/gm, '$1'),
    'types: {task: null, note: {table: notes, id: id, parent: {type: task, column: task_id}, operations: {read: task.read}}}',
    'redis: {url: "redis://h", signing_keys: [{id: a, secret: "${S}"}]}',
    'a: &a [*a]',
    '!!binary aGk=',
  ].map(text),
  dictionary: [...WORDS, ...SYNTAX],
  run(input) {
    return toStory(() =>
      loadConfig(
        {
          env: { ...REQUIRED_ENV, TASKGATE_CONFIG: 'yaml', S: SIGNING_SECRET, HOME: 'home' },
          readFile: () => toText(input),
        },
        { mode: 'serve' },
      ),
    );
  },
};

const environment: FuzzTarget = {
  name: 'config-environment',
  seeds: [
    Object.entries({ ...REQUIRED_ENV, TASKGATE_REDIS_URL: 'redis://h', TASKGATE_REDIS_SIGNING_SECRET: SIGNING_SECRET })
      .map(([name, value]) => `${name}=${value}`)
      .join('\0'),
    'TASKGATE_GRPC_ADDRESS=unix:/x\0TASKGATE_HTTP_ADDRESS=[::1]:1\0TASKGATE_ADMIN_ADDRESS=:1',
    'TASKGATE_PORT=tcp://1.2.3.4:5\0TASKGATE_SERVICE_HOST=x\0TASKGATE_UNKNOWN=1\0__proto__=1',
  ].map(text),
  dictionary: [
    '\0',
    '=',
    'TASKGATE_',
    '_PORT_1_TCP',
    'tcp://',
    'postgres://',
    'redis://',
    'rediss://u:p@',
    '%',
    '#',
    '?',
    '[::1]:1',
  ],
  run(input) {
    const variables = toText(input)
      .split('\0')
      .map((line) => [line.split('=')[0] ?? '', line.slice(line.indexOf('=') + 1)] as const);
    const env = Object.fromEntries(variables.filter(([name]) => name !== 'TASKGATE_CONFIG'));
    return toStory(() => loadConfig({ env, readFile: () => '' }, { mode: 'serve' }));
  },
};

export const CONFIG_TARGETS: readonly FuzzTarget[] = [yaml, environment];
