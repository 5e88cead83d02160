// `npm run bench`: every figure is a ratio against a reference that was measured in the same run, on the same core.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureLists } from './filter-tasks.ts';
import { measureMemory } from './memory.ts';
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

await using stores = await startBenchStores();
process.stderr.write(`bench: ${stores.description}\n`);
const rows: BenchRow[] = [await measureWarmCheck(stores), await measureMemory(stores), ...(await measureLists(stores))];
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
await writeFile(
  fileURLToPath(new URL('RESULTS.md', import.meta.url)),
  `# The last run of \`npm run bench\`\n\n${table}`,
);
process.exitCode = rows.every(({ isMet }) => isMet) ? 0 : 1;
