import { describe, expect, test } from 'vitest';
import { loadCorpus } from './corpus.ts';
import { fuzzTarget } from './fuzz.ts';
import { TARGETS } from './targets/index.ts';

const SEED = 20_261_126;
const MILLISECONDS = 1_500;

describe.each(TARGETS)('$name', { timeout: 60_000 }, (target) => {
  const { name, seeds } = target;
  test('takes every input that was ever found', async () => {
    for (const [file, input] of [
      ...seeds.map((seed, index) => [`seed ${index}`, seed] as const),
      ...loadCorpus(name),
    ]) {
      const story = await Promise.resolve()
        .then(async () => target.run(input))
        .catch((error: unknown) => expect.unreachable(`${file}: ${String(error)}`));
      expect(typeof story).toBe('string');
    }
  });

  test('takes a moment of new ones', async () => {
    const { executions, findings } = await fuzzTarget({
      target: name,
      seed: SEED,
      milliseconds: MILLISECONDS,
      hangMs: 10_000,
    });
    expect(
      findings.map(({ kind, error, input }) => [kind, error, Buffer.from(input).toString('hex').slice(0, 400)]),
    ).toEqual([]);
    expect(executions).toBeGreaterThan(seeds.length);
  });
});

test.each([
  ['control-crash', 'crash', /planted/],
  ['control-hang', 'hang', /no answer/],
  ['control-async-hang', 'hang', /no answer/],
])('finds what is planted: %s', { timeout: 60_000 }, async (target, kind, error) => {
  const { findings } = await fuzzTarget({ target, seed: SEED, milliseconds: 2_000, hangMs: 1_000 });
  expect(findings).toHaveLength(1);
  expect(findings[0]).toMatchObject({ kind, error: expect.stringMatching(error) });
  expect(findings[0]?.input[0]).not.toBe('a'.codePointAt(0));
});
