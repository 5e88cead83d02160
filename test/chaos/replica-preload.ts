// Loaded into each replica before taskgate (`node --import`): tells of its event loop's lag over IPC and, for a mutant,
// loads source files with a mistake put in. What is built and shipped knows nothing of either.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { watchLag } from './lag.ts';
import type { Mutation } from './mutants.ts';
import { isMutant, mutate, MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');
const name = process.env['CHAOS_MUTANT'];

if (name !== undefined) {
  if (!isMutant(name)) throw new Error(`no such mutant: ${name}`);
  const mutations: readonly Mutation[] = MUTANTS[name].mutations;
  const mutated = new Map<string, string>();
  for (const mutation of mutations) {
    const path = join(ROOT, mutation.file);
    mutated.set(path, mutate(mutated.get(path) ?? readFileSync(path, 'utf8'), mutation));
  }
  registerHooks({
    load(url, context, nextLoad) {
      const source = url.startsWith('file:') ? mutated.get(fileURLToPath(url)) : undefined;
      if (source === undefined) return nextLoad(url, context);
      process.send?.({ kind: 'mutated', file: fileURLToPath(url) });
      return { ...nextLoad(url, context), source };
    },
  });
}

watchLag((lag) => process.send?.({ kind: 'lag', ...lag }));
// The channel must not hold the exit.
process.channel?.unref();
