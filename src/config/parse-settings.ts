import type { ReportProblem } from './problem.ts';
import { toKeyPath } from './problem.ts';
import type { Settings, SettingsSchema } from './settings-schema.ts';
import type { Tree } from './tree.ts';
import { prune } from './tree.ts';

/**
 * Checks the leaves. A bad one is reported and its default takes its place, so that the checks across keys still run
 * and all problems come at once. The tree must be normalized; bad leaves are removed from it.
 */
export function parseSettings(tree: Tree, schema: SettingsSchema, report: ReportProblem): Settings {
  const first = schema.safeParse(tree);
  if (first.success) return first.data;
  for (const { path, message } of first.error.issues) {
    report(toKeyPath(path), message);
    prune(tree, path);
  }
  // Every key may be left out, so what is left passes. If it ever did not, the problems reported above still stand.
  const second = schema.safeParse(tree);
  return second.success ? second.data : schema.parse({});
}
