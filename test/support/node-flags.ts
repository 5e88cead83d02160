import { readFileSync } from 'node:fs';

const COMMAND = readCommand();

/** The flags that the product runs Node with, from `npm run taskgate`. */
export const NODE_FLAGS: readonly string[] = COMMAND.match(/--\S+/g) ?? [];
/** The environment that it runs Node in. */
export const NODE_ENVIRONMENT: Readonly<Record<string, string>> = Object.fromEntries(
  [...COMMAND.matchAll(/(?<=^| )([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
);

function readCommand(): string {
  const { scripts }: { scripts: { taskgate: string } } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return scripts.taskgate;
}
