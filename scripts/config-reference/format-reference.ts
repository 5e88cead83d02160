import type { Meanings } from './meanings.ts';
import type { Setting } from './settings.ts';

const INTRODUCTION = `# Configuration

<!-- written by \`npm run docs:config\` from src/config/settings-schema.ts and the comments of deploy/taskgate.yaml -->

\`TASKGATE_CONFIG\` names a YAML file with any of these settings; [deploy/taskgate.yaml](../deploy/taskgate.yaml) has all of
them as a file to start from. \`taskgate config\` prints what is in effect, or everything that is wrong with it at once. A
text may be \`\${NAME}\`, as its whole value: it is taken from the environment.
`;

/** What the reference shows beside the settings: variables, by the key that each sets. */
export interface ReferenceInput {
  readonly settings: readonly Setting[];
  readonly meanings: Meanings;
  readonly variables: Readonly<Record<string, readonly string[]>>;
}

/** Markdown: a table for each section. */
export function formatReference({ settings, meanings, variables }: ReferenceInput): string {
  const bySection = Map.groupBy(settings, ({ path }) => path.split(/[.[]/, 1)[0] ?? '');
  const parts = [INTRODUCTION, formatVariables(variables)];
  for (const [section, members] of bySection) {
    const prose = meanings.sections.get(section) ?? '';
    const rows = members.map((setting) => formatSetting(setting, meanings));
    parts.push(
      [
        `## ${section}`,
        '',
        ...(prose === '' ? [] : [escape(prose), '']),
        '| key | takes | default | meaning |',
        '|---|---|---|---|',
        ...rows,
        '',
      ].join('\n'),
    );
  }
  return parts.join('\n');
}

function formatVariables(variables: ReferenceInput['variables']): string {
  const rows = Object.entries(variables).map(([name, keys]) => `| \`${name}\` | \`${keys.join('.')}\` |`);
  return [
    '## Environment',
    '',
    'Each wins over the file; an empty one counts as not set. Any other `TASKGATE_…` is a mistake, and said to be one.',
    '',
    '| variable | sets |',
    '|---|---|',
    '| `TASKGATE_CONFIG` | the file |',
    ...rows,
    '| `TASKGATE_REDIS_SIGNING_SECRET` | a key `env` before all of `redis.signing_keys` |',
    '',
  ].join('\n');
}

function formatSetting({ path, rule, fallback }: Setting, { settings }: Meanings): string {
  // What every type has is said at the first one that has it.
  const pattern = new RegExp(`^${path.replaceAll(/[.[\]]/g, '\\$&').replaceAll('<name>', '[a-z_]+')}$`);
  const alike = settings.get(path.replace('listeners.http.tls', 'listeners.grpc.tls'));
  const meaning = alike ?? [...settings].find(([key]) => pattern.test(key))?.[1] ?? meaningOfGroup(path, settings);
  const shown =
    fallback === undefined ? '' : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
  return `| \`${path}\` | ${cell(rule)} | ${shown} | ${cell(meaning)} |`;
}

/** What is said of the keys together that the setting is one of. */
function meaningOfGroup(path: string, settings: Meanings['settings']): string {
  const end = path.lastIndexOf('.');
  if (end === -1) return '';
  const group = path.slice(0, end);
  return settings.get(group) ?? meaningOfGroup(group, settings);
}

function cell(text: string): string {
  return escape(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** Angle brackets would be HTML. */
function escape(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
