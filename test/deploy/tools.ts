import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from '../support/find-on-path.ts';

const TOOLS = join(import.meta.dirname, '../../.cache/tools');

/**
 * A program of `scripts/install-deploy-tools.sh`, or undefined: then what needs it is skipped, unless `DEPLOY_TOOLS` is
 * `required`, as in CI after they were installed.
 */
export function findTool(name: string): string | undefined {
  const installed = join(TOOLS, name);
  const found = existsSync(installed) ? installed : findOnPath(name);
  if (found === undefined && process.env['DEPLOY_TOOLS'] === 'required') throw new Error(`there is no ${name}`);
  return found;
}

/** Where pip put the validator with Kubernetes' own schemas. */
export function findKubernetesSchemas(): string | undefined {
  const installed = join(TOOLS, 'python');
  const found = existsSync(join(installed, 'kubernetes_validate')) ? installed : undefined;
  if (found === undefined && process.env['DEPLOY_TOOLS'] === 'required') throw new Error('there are no schemas');
  return found;
}
