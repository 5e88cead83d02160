import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { expectValid, load } from '../config/support.ts';
import type { SampleStores } from '../support/taskgate.ts';
import { startSampleStores, startWithStores } from '../support/taskgate.ts';

const GUIDE = readFileSync(new URL('../../docs/rollout.md', import.meta.url), 'utf8');
/** In their order: configurations, and commands with what they print. */
const BLOCKS = Array.from(
  GUIDE.matchAll(
    /<!-- (?<kind>config|example|shows): (?<name>[\w-]+) -->\n```\w+\n(?<text>[\s\S]*?)```(?:\n\n```(?:json|text)?\n(?<output>[\s\S]*?)```)?/g,
  ),
  ({ groups }) => ({
    kind: groups?.['kind'],
    name: groups?.['name'],
    text: groups?.['text'] ?? '',
    output: groups?.['output'] ?? '',
  }),
);
const steps = BLOCKS.flatMap(({ kind, name, text }, at) => {
  if (kind !== 'config') return [];
  const next = BLOCKS.findIndex((block, index) => index > at && block.kind === 'config');
  return [{ name, yaml: text, commands: BLOCKS.slice(at + 1, next === -1 ? undefined : next) }];
});

let stores: SampleStores;
beforeAll(async () => {
  stores = await startSampleStores();
});
afterAll(async () => stores[Symbol.asyncDispose]());

it('is whole', () => {
  expect(steps.map(({ name, commands }) => [name, commands.length])).toEqual([
    ['off', 1],
    ['dual-write', 0],
    ['shadow', 3],
    ['enforce', 2],
    ['rollback', 1],
  ]);
});

it.each(steps)('the step $name prints what the guide shows', async ({ yaml, commands }) => {
  await using gate = await startWithStores({ redisUrl: inject('redisUrl'), ...stores }, { yaml });
  for (const { text, output } of commands) {
    const { http, admin } = gate.addresses;
    const here = text.replace('127.0.0.1:8080', http).replace('127.0.0.1:9090', admin);
    await vi.waitFor(async () => {
      const env = { ...process.env, TASKGATE_ADMIN_ADDRESS: admin };
      const { stdout } = await promisify(execFile)('bash', ['-c', here], { env });
      expect(stdout.trim()).toBe(output.trim());
    }, 15_000);
  }
  if (commands.some(({ kind }) => kind === 'shows')) {
    await vi.waitFor(() => expect(gate.decisions).toHaveLength(1));
    expect(gate.decisions.map((line) => JSON.parse(line) as object)).toMatchObject([
      {
        decision: 'ALLOWED',
        reason: 'legacy',
        flags: [
          'enforcement=shadow',
          'legacy=allow',
          'shadow=NOT_FOUND',
          'shadow_reason=denied',
          'difference=legacy_allow_we_deny',
        ],
      },
    ]);
  }
});

it('shows other settings that can be loaded', () => {
  const indented = [...GUIDE.matchAll(/^ {4}rollout:[^]*?(?=^\S)/gm)].map(([text]) => text.replaceAll(/^ {4}/gm, ''));
  expect(indented).toHaveLength(2);
  for (const yaml of indented) expectValid(load({ yaml }));
});
