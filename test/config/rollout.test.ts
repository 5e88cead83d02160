import { expect, test } from 'vitest';
import { expectProblems, expectValid, load } from './support.ts';

test.each([
  ['{ enforcement: maybe }', 'rollout.enforcement: must be one of enforce, shadow, off'],
  ['{ dual_write: true }', 'rollout.dual_write: must be one of on, off'],
  ['{ types: { tusk: { enforcement: off } } }', 'rollout.types.tusk: is not a configured type (did you mean task?)'],
  [
    '{ accounts: { acme: { types: { tusk: {} } } } }',
    'rollout.accounts.acme.types.tusk: is not a configured type (did you mean task?)',
  ],
  [
    '{ accounts: { acme: { enforcment: off } } }',
    'rollout.accounts.acme.enforcment: is not a known key (did you mean enforcement?)',
  ],
  ['{ bypass: [{ kind: agent }] }', 'rollout.bypass[0].id: must be text that is not empty'],
  [
    '{ provider: flagd, accounts: { acme: {} } }',
    'rollout.accounts: has no effect with rollout.provider: flagd, which says it',
  ],
  ['{ flagd: { port: 1 } }', 'rollout.flagd: has no effect without rollout.provider: flagd'],
  [
    '{ provider: flagd, flagd: { ca_file: x } }',
    'rollout.flagd.ca_file: has no effect without rollout.flagd.tls: true',
  ],
  [
    '{ flag_keep_ms: 5000 }',
    'rollout.flag_refresh_ms: must be less than rollout.flag_keep_ms (5000 is not less than 5000)',
  ],
])('refuses %s', (rollout, problem) => {
  expect(expectProblems(load({ yaml: `rollout: ${rollout}` }))).toEqual([problem]);
});

test('takes the words off and on as they are', () => {
  const { rollout } = expectValid(load({ yaml: 'rollout: { enforcement: off, dual_write: off }' }));
  expect(rollout.default).toEqual({ enforcement: 'off', dualWrite: 'off' });
});
