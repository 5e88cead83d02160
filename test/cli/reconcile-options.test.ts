import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import type { ReconcileCommandOptions } from '../../src/cli/reconcile-options.ts';
import { parseCommand } from '../../src/cli/parse-command.ts';

const DEFAULTS: ReconcileCommandOptions = {
  apply: false,
  types: [],
  graceMs: 60_000,
  pruneLimits: [
    { kind: 'count', count: 1_000 },
    { kind: 'share', share: 0.05 },
  ],
  minRowsShare: 0.5,
  rate: undefined,
  timeoutMs: 30_000,
};

test.each<[string, Partial<ReconcileCommandOptions>]>([
  ['reconcile', {}],
  ['backfill', { rate: 500 }],
  ['backfill --apply --rate 25', { apply: true, rate: 25 }],
  ['reconcile --type task --type agent --type=task', { types: ['task', 'agent'] }],
  [
    'reconcile --state a --report b --metrics=c --rate 20000',
    { stateFile: 'a', reportFile: 'b', metricsFile: 'c', rate: 20_000 },
  ],
  ['reconcile --grace 0.5 --timeout 2 --min-rows 0%', { graceMs: 500, timeoutMs: 2_000, minRowsShare: 0 }],
  ['reconcile --max-prune 7', { pruneLimits: [{ kind: 'count', count: 7 }] }],
  [
    'reconcile --max-prune 2.5% --max-prune 9',
    {
      pruneLimits: [
        { kind: 'share', share: 0.025 },
        { kind: 'count', count: 9 },
      ],
    },
  ],
])('%s', (line, options) => {
  const argv = line.split(' ');
  expect(parseCommand(argv)).toEqual({
    kind: 'command',
    command: { name: argv[0], options: { ...DEFAULTS, ...options } },
  });
});

test.each([
  ['reconcile extra', 'reconcile takes no argument, but there is "extra"'],
  ['reconcile --demo', '--demo goes with the command config'],
  ['reconcile --aply', 'unknown flag --aply (did you mean --apply?)'],
  ['reconcile --apply=yes', '--apply takes no value'],
  ['reconcile --state', '--state needs a value'],
  ['reconcile --state=', '--state needs a value'],
  ['reconcile --state --apply', '--state needs a value'],
  ['reconcile --state a --state b', '--state goes there once'],
  ['reconcile --grace -1', '--grace needs a value'],
  ['reconcile --grace=-1', '--grace must be a number from 0 to 86400'],
  ['reconcile --grace 1m', '--grace must be a number from 0 to 86400'],
  ['reconcile --rate 0', '--rate must be a number from 1 to 1000000'],
  ['reconcile --timeout 0', '--timeout must be a number from 0.1 to 3600'],
  ['reconcile --max-prune 1.5', '--max-prune must be a count, or a percentage from 0% to 100%'],
  ['reconcile --max-prune 101%', '--max-prune must be a count, or a percentage from 0% to 100%'],
  ['reconcile --min-rows 50', '--min-rows must be a percentage from 0% to 100%'],
  ['backfill --max-prune 5', '--max-prune goes with the command reconcile'],
  ['serve --apply', '--apply goes with the command reconcile or backfill'],
  ['add-account acme --state x', '--state goes with the command reconcile or backfill'],
])('%s is refused', (line, message) => {
  expect(parseCommand(line.split(' '))).toEqual({ kind: 'error', message });
});

test('the CronJob runs a command that there is, one at a time, with no rights that it has no need of', () => {
  const text = readFileSync(new URL('../../deploy/kubernetes/base/reconcile-cronjob.yaml', import.meta.url), 'utf8');
  const { spec } = parse(text) as {
    spec: { concurrencyPolicy: string; jobTemplate: { spec: { template: { spec: PodSpec } } } };
  };
  const pod = spec.jobTemplate.spec.template.spec;
  const [container] = pod.containers;
  expect(spec.concurrencyPolicy).toBe('Forbid');
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  expect(container?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(parseCommand(container?.args ?? [])).toMatchObject({
    kind: 'command',
    command: { name: 'reconcile', options: { apply: true } },
  });
});

interface PodSpec {
  readonly securityContext: object;
  readonly containers: readonly { readonly args: readonly string[]; readonly securityContext: object }[];
}
