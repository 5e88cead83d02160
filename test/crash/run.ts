// `npm run test:crash`: kills an application and its sidecar in the middle of what they do, and cuts SpiceDB off, again
// and again; then repairs, and looks whether anything is lost, left over, or not what somebody was told.
import { inspect, parseArgs } from 'node:util';
import type { CrashTestOptions } from './crash-test.ts';
import { MUTANTS, runCrashTest } from './crash-test.ts';
import { SCENARIOS } from './scenarios.ts';

const DEFAULT_ROUNDS = 5 * SCENARIOS.length;
const USAGE = `Usage: npm run test:crash -- [--rounds N] [--seed N]

Runs a small application (register → INSERT → take back on an error; DELETE → deregister) beside a real taskgate, SpiceDB,
Postgres and Redis. Each round starts a few operations and strikes in the middle of one: SIGKILL of the application or of
taskgate, SpiceDB's connection refused, hung or reset, the request cancelled, or nothing. Then everything is repaired, and
both stores are compared with each other and with what was answered.

  --rounds N   how many; default ${DEFAULT_ROUNDS}
  --seed N     what is asked, and where it is struck; default: a new one, printed. Where a process really is when it is
               struck is up to the machine.

CRASH_MUTANT makes a mistake on purpose, which must be found: ${MUTANTS.join(', ')}.

Exit codes: 0 all holds; 1 it does not; 2 the run shows nothing: it broke, or struck too little, or nothing had to be
repaired.
`;

const EXIT_CODES = { holds: 0, violated: 1, showsNothing: 2 } as const;

process.exitCode = await run();

async function run(): Promise<number> {
  const options = parseOptions();
  if (options === 'help') {
    process.stdout.write(USAGE);
    return EXIT_CODES.holds;
  }
  if (options === undefined) {
    process.stderr.write(USAGE);
    return EXIT_CODES.showsNothing;
  }
  process.stdout.write(`seed ${options.seed}, ${options.rounds} rounds\n`);
  try {
    const { violations, isShown } = await runCrashTest(options, { out: process.stdout, progress: process.stderr });
    for (const { what, id, detail } of violations) process.stdout.write(`${what}: ${id} (${detail})\n`);
    if (violations.length > 0) {
      process.stdout.write(`${violations.length} violations with --seed ${options.seed}\n`);
      return EXIT_CODES.violated;
    }
    return isShown ? EXIT_CODES.holds : EXIT_CODES.showsNothing;
  } catch (error) {
    process.stderr.write(`the run broke, with --seed ${options.seed}\n${inspect(error)}\n`);
    return EXIT_CODES.showsNothing;
  }
}

/** Undefined if the command line or the mutant is wrong. */
function parseOptions(): 'help' | CrashTestOptions | undefined {
  const { values, positionals, tokens } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      rounds: { type: 'string', default: String(DEFAULT_ROUNDS) },
      seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    },
    // Not strict, so that a mistake is not an exception, whose exit code would say that something is violated.
    strict: false,
    tokens: true,
  });
  if (values.help === true) return 'help';
  const isKnown = tokens.every((token) => token.kind !== 'option' || ['rounds', 'seed'].includes(token.name));
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
  const named = process.env['CRASH_MUTANT'];
  const mutant = MUTANTS.find((candidate) => candidate === named);
  const isNumber = (text: unknown): boolean => typeof text === 'string' && /^\d+$/.test(text);
  const isValid = isNumber(values.rounds) && isNumber(values.seed);
  if (!isKnown || !isValid || positionals.length > 0 || mutant !== named) return undefined;
  return { rounds, seed, mutant };
}
