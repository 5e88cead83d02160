import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { expectValid, load, SIGNING_SECRET } from './support.ts';

it('the example for AgentEx is valid', () => {
  const yaml = readFileSync(new URL('../../deploy/agentex/taskgate.yaml', import.meta.url), 'utf8');
  const { agentex } = expectValid(load({ yaml, env: { AGENTEX_SIGNING_SECRET: SIGNING_SECRET } }));
  expect(agentex?.signingKeys).toEqual([{ id: 'key1', secret: SIGNING_SECRET }]);
});
