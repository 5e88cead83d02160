// `npm run bench`: every figure is a ratio against a reference that was measured in the same run, on the same core.
// `npm run bench -- lists` measures only that section, and keeps nothing. `--full`: full sizes, which take long.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureAgentexCheck } from './agentex-check.ts';
import { measureBesideCerbos } from './cerbos-check.ts';
import { measureColdCheck } from './cold-check.ts';
import { measureColdParents } from './cold-parents.ts';
import { measureConnectCheck } from './connect-check.ts';
import { measureEventLoop } from './event-loop.ts';
import { measureExtAuthz } from './ext-authz-check.ts';
import { measureForwardAuth } from './forward-auth.ts';
import { measureGrowth } from './growth.ts';
import { measureLists } from './filter-tasks.ts';
import { measureMemory } from './memory.ts';
import { measureOverload } from './overload.ts';
import { plotLatency } from './plot.ts';
import { measureReconcile } from './reconcile.ts';
import { measureRegister } from './register.ts';
import { measureRollout } from './rollout.ts';
import type { BenchRow, BenchSection } from './support/row.ts';
import { startBenchStores } from './support/stores.ts';
import { describeRun } from './support/describe-run.ts';
import { measureTelemetry } from './tracing.ts';
import { measureWarmCheck } from './warm-check.ts';

/** In the order of measuring: the lists see how many tasks there are, so what seeds more comes after them. */
const SECTIONS: Readonly<Record<string, BenchSection>> = {
  warm: measureWarmCheck,
  rollout: measureRollout,
  tracing: measureTelemetry,
  cerbos: measureBesideCerbos,
  latency: plotLatency,
  connect: measureConnectCheck,
  agentex: measureAgentexCheck,
  'ext-authz': measureExtAuthz,
  'forward-auth': measureForwardAuth,
  'event-loop': measureEventLoop,
  parents: measureColdParents,
  overload: measureOverload,
  register: measureRegister,
  lists: measureLists,
  reconcile: measureReconcile,
  cold: measureColdCheck,
  memory: measureMemory,
  growth: measureGrowth,
};

const { values, positionals: asked } = parseArgs({ options: { full: { type: 'boolean' } }, allowPositionals: true });
const unknown = asked.filter((name) => !Object.hasOwn(SECTIONS, name));
if (unknown.length > 0) {
  process.stderr.write(`bench: no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}\n`);
  process.exit(2);
}
const options = { isFull: values.full === true, keepsResults: asked.length === 0 };
await using stores = await startBenchStores();
const description = await describeRun(stores, options);
process.stderr.write(`bench: ${description}\n`);
const rows: BenchRow[] = [];
for (const [name, measure] of Object.entries(SECTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  const startedAt = performance.now();
  try {
    rows.push(...(await measure(stores, options)));
  } catch (error) {
    process.stderr.write(`bench: ${name} failed: ${String(error)}\n`);
    rows.push({ work: name, reference: '–', result: 'failed, see the log', target: '–', isMet: false });
  }
  process.stderr.write(`bench: ${name} took ${((performance.now() - startedAt) / 1000).toFixed(0)} s\n`);
}
const table = [
  description,
  '',
  '| work | reference in the same run | result: median (lowest–highest) | target | met |',
  '|---|---|---|---|---|',
  ...rows.map(({ work, reference, result, target, isMet }) => {
    const met = isMet === 'skipped' ? 'skipped' : isMet ? 'yes' : 'no';
    return `| ${work} | ${reference} | ${result} | ${target} | ${met} |`;
  }),
  '',
].join('\n');
process.stdout.write(table);
if (options.keepsResults)
  await writeFile(
    fileURLToPath(new URL('RESULTS.md', import.meta.url)),
    `# The last run of \`npm run bench\`\n\n${table}\n![Latency against load](latency.svg)\n`,
  );
process.exitCode = rows.every(({ isMet }) => isMet !== false) ? 0 : 1;
