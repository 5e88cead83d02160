import type { TypeModel } from '../domain/type-model.ts';
import { didYouMean } from './nearest.ts';
import type { ReportConflict } from './problem-list.ts';
import { toKeyPath } from './problem.ts';
import type { Settings } from './settings-schema.ts';

/** Reports what does not go together, and types that there are not. */
export function checkRollout({ rollout }: Settings, types: TypeModel, report: ReportConflict): void {
  const isFlagd = rollout.provider === 'flagd';
  for (const key of ['types', 'accounts'] as const) {
    if (isFlagd && rollout[key] !== undefined) {
      report([`rollout.${key}`, 'rollout.provider'], 'has no effect with rollout.provider: flagd, which says it');
    }
  }
  if (!isFlagd && rollout.flagd !== undefined) {
    report(['rollout.flagd', 'rollout.provider'], 'has no effect without rollout.provider: flagd');
  }
  if (rollout.flagd?.ca_file !== undefined && !rollout.flagd.tls) {
    report(['rollout.flagd.ca_file', 'rollout.flagd.tls'], 'has no effect without rollout.flagd.tls: true');
  }
  const { flag_refresh_ms: refreshMs, flag_keep_ms: keepMs } = rollout;
  if (refreshMs >= keepMs) {
    const problem = `must be less than rollout.flag_keep_ms (${refreshMs} is not less than ${keepMs})`;
    report(['rollout.flag_refresh_ms', 'rollout.flag_keep_ms'], problem);
  }
  const named = [
    ...Object.keys(rollout.types ?? {}).map((type) => ({ type, path: ['rollout', 'types', type] })),
    ...Object.entries(rollout.accounts ?? {}).flatMap(([account, own]) =>
      Object.keys(own.types ?? {}).map((type) => ({ type, path: ['rollout', 'accounts', account, 'types', type] })),
    ),
  ];
  for (const { type, path } of named) {
    if (types.has(type)) continue;
    report([toKeyPath(path), `types.${type}`], `is not a configured type${didYouMean(type, [...types.keys()])}`);
  }
}
