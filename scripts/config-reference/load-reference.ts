import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { VARIABLE_KEYS } from '../../src/config/environment.ts';
import { createSettingsSchema } from '../../src/config/settings-schema.ts';
import { formatReference } from './format-reference.ts';
import { readMeanings } from './meanings.ts';
import { listSettings } from './settings.ts';

/** The text of `docs/configuration.md`, from the schema and the comments of the file with every setting. */
export async function loadReference(): Promise<string> {
  const yaml = await readFile(new URL('../../deploy/taskgate.yaml', import.meta.url), 'utf8');
  return formatReference({
    settings: listSettings(createSettingsSchema()).map((setting) => ({
      ...setting,
      fallback: setting.fallback ?? valueAt(parse(yaml), setting.path),
    })),
    meanings: readMeanings(yaml),
    variables: VARIABLE_KEYS,
  });
}

/** A default that depends on the command is not in the schema; the file, whose values are the defaults, has it. */
function valueAt(tree: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (node, key) =>
        typeof node === 'object' && node !== null
          ? Object.entries(node).find(([name]) => name === key)?.[1]
          : undefined,
      tree,
    );
}
