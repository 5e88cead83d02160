import { readFileSync } from 'node:fs';

/** The flags that the product runs Node with, from `npm run taskgate`. */
export const NODE_FLAGS: readonly string[] = readNodeFlags();

function readNodeFlags(): readonly string[] {
  const { scripts }: { scripts: { taskgate: string } } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return scripts.taskgate.match(/--\S+/g) ?? [];
}
