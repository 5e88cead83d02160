// `npm run bench`: every figure is a ratio against a reference that was measured in the same run, on the same core.
// `npm run bench -- lists` measures only that section, and keeps nothing.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureLists } from './filter-tasks.ts';
import { measureMemory } from './memory.ts';
import { measureReconcile } from './reconcile.ts';
import type { BenchStores } from './support/stores.ts';
import { startBenchStores } from './support/stores.ts';
import { measureWarmCheck } from './warm-check.ts';

/** One line of the table. */
export interface BenchRow {
  readonly work: string;
  readonly reference: string;
  readonly result: string;
  readonly target: string;
  readonly isMet: boolean;
}

const SECTIONS: Readonly<Record<string, (stores: BenchStores) => Promise<readonly BenchRow[]>>> = {
  warm: async (stores) => [await measureWarmCheck(stores)],
  memory: async (stores) => [await measureMemory(stores)],
  lists: measureLists,
  reconcile: measureReconcile,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(SECTIONS, name));
if (unknown.length > 0) {
  process.stderr.write(`bench: no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}\n`);
  process.exit(2);
}
await using stores = await startBenchStores();
process.stderr.write(`bench: ${stores.description}\n`);
const rows: BenchRow[] = [];
for (const [name, measure] of Object.entries(SECTIONS)) {
  if (asked.length === 0 || asked.includes(name)) rows.push(...(await measure(stores)));
}
const table = [
  `Machine: ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}. ${stores.description}`,
  '',
  '| work | reference in the same run | result: median (lowest–highest) | target | met |',
  '|---|---|---|---|---|',
  ...rows.map(
    ({ work, reference, result, target, isMet }) =>
      `| ${work} | ${reference} | ${result} | ${target} | ${isMet ? 'yes' : 'no'} |`,
  ),
  '',
].join('\n');
process.stdout.write(table);
if (asked.length === 0)
  await writeFile(
    fileURLToPath(new URL('RESULTS.md', import.meta.url)),
    `# The last run of \`npm run bench\`\n\n${table}`,
  );
process.exitCode = rows.every(({ isMet }) => isMet) ? 0 : 1;
