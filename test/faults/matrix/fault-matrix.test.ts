import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SampleStores } from '../../support/taskgate.ts';
import { startSampleStores } from '../../support/taskgate.ts';
import { nameOf } from './ask.ts';
import { CELLS, expectedOf, FAULTS, RPCS, STATES, STORES, WARMTHS } from './cells.ts';
import { expectNothingLeaks } from './expect-no-leak.ts';
import { formatFaultTable, readFaultTable } from './fault-table.ts';
import type { GroupResult } from './run-group.ts';
import { runGroup } from './run-group.ts';
import { createWorlds, writeWorlds } from './world.ts';

// A group waits for deadlines most of its time; three share two cores well.
vi.setConfig({ maxConcurrency: 3, testTimeout: 240_000 });

const RESULTS = new URL('../../../.cache/fault-matrix.json', import.meta.url);
const ARCHITECTURE = new URL('../../../ARCHITECTURE.md', import.meta.url);

const GROUPS = STORES.flatMap((store) =>
  FAULTS.map((fault) => ({ store, fault, worlds: createWorlds(`${store}-${fault.replaceAll(' ', '-')}`) })),
);
const results: GroupResult[] = [];

let stores: SampleStores;
beforeAll(async () => {
  stores = await startSampleStores();
  await writeWorlds(
    stores,
    GROUPS.flatMap(({ worlds }) => worlds),
  );
});
afterAll(async () => stores[Symbol.asyncDispose]());

it('has a cell for every RPC, state and warmth', () => {
  expect(CELLS).toHaveLength(RPCS.length * STATES.length * WARMTHS.length);
  expect(new Set(CELLS.map(nameOf)).size).toBe(CELLS.length);
});

describe.concurrent('a store fails', () => {
  it.each(GROUPS)('$store, $fault: no cell is wrong or late, and all are right after it', async (group) => {
    const result = await runGroup(group, stores, expectNothingLeaks);
    results.push(result);
    const unexpected = result.results
      .filter(({ cell, kind, inTime }) => kind !== expectedOf(group.store, group.fault, cell) || !inTime)
      .map(({ cell, told, durationMs }) => `${nameOf(cell)}: ${told}, after ${Math.round(durationMs)} ms`);
    expect(unexpected).toEqual([]);
    expect(result.recovered).toBe(CELLS.length);
  });
});

it('is what ARCHITECTURE.md says (`npm run faults:table` writes it)', async () => {
  expect(results).toHaveLength(GROUPS.length);
  await mkdir(new URL('.', RESULTS), { recursive: true });
  await writeFile(RESULTS, JSON.stringify(results, undefined, 2));
  const documented = readFaultTable(await readFile(ARCHITECTURE, 'utf8'));
  expect(documented).toBe(formatFaultTable(results));
});
