import { join } from 'node:path';
import { runTaskgate } from '../support/taskgate-process.ts';
import type { Sidecar } from './sidecar.ts';

/** Orphans may be most of what there is, after so many kills. */
const PRUNE_ALL = ['--max-prune', '100000', '--max-prune', '100%'];

/**
 * Repairs both drifts with the product's own command, which knows nothing of what the run has asked for.
 *
 * @throws Error if it can't tell, or can't repair what it found.
 */
export async function reconcileAll({ env, directory }: Sidecar): Promise<void> {
  const files = ['--state', join(directory, 'state.json'), '--report', join(directory, 'report.json')];
  const { exitCode, stderr } = await runTaskgate(['reconcile', '--apply', '--grace', '0', ...PRUNE_ALL, ...files], env);
  if (exitCode !== 0) throw new Error(`taskgate reconcile ended with ${exitCode}: ${stderr}`);
}
