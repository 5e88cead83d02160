// `npm run test:fuzz`: random and mutated bytes for everything that parses what comes from outside.
import { inspect, parseArgs } from 'node:util';
import { keep } from './corpus.ts';
import { fuzzTarget } from './fuzz.ts';
import { TARGETS } from './targets/index.ts';

const USAGE = `Usage: npm run test:fuzz -- [--seconds N] [--seed N] [--only NAME]

Gives every parser of outside bytes inputs that were made by mutating a corpus, by outcome: an input that makes a new one is
mutated further, and kept in test/fuzz/corpus/. No input may throw what is not declared, nor take longer than two seconds.

  --seconds N   for all targets together; default 60
  --seed N      default: a new one, printed
  --only NAME   one of: ${TARGETS.map(({ name }) => name).join(', ')}

Exit codes: 0 nothing found; 1 something is, and is kept; 2 wrong usage.
`;

process.exitCode = await run();

async function run(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const targets = TARGETS.filter(({ name }) => values.only === undefined || name === values.only);
  const seconds = Number(values.seconds);
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  if (targets.length === 0 || !(seconds > 0) || !Number.isSafeInteger(seed)) {
    process.stderr.write(USAGE);
    return 2;
  }
  process.stdout.write(`fuzz: ${targets.length} targets, ${seconds} s, seed ${seed}\n`);
  let findings = 0;
  let executions = 0;
  for (const { name } of targets) {
    const result = await fuzzTarget({ target: name, seed, milliseconds: (seconds * 1_000) / targets.length });
    const kept = result.found.filter((input) => keep(name, input, 'story')).length;
    process.stdout.write(
      `  ${name.padEnd(24)} ${String(result.executions).padStart(9)} executions  ` +
        `${String(result.stories).padStart(4)} outcomes  ${kept} kept\n`,
    );
    executions += result.executions;
    for (const { kind, input, error } of result.findings) {
      findings += 1;
      keep(name, input, kind);
      const shown = inspect(Buffer.from(input).toString('latin1').slice(0, 300));
      process.stdout.write(`  ${kind} in ${name}: ${shown}\n${error.replaceAll(/^/gm, '    ')}\n`);
    }
  }
  const verdict = findings === 0 ? 'nothing found' : `${findings} found`;
  process.stdout.write(`fuzz: ${verdict}; ${executions} executions; seed ${seed}\n`);
  return findings === 0 ? 0 : 1;
}
