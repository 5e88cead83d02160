// `npm run test:timing`: whether absent and denied can be told apart by the clock. See `--help`.
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { inspect, parseArgs } from 'node:util';
import { LOAD_CORE } from '../../bench/support/cores.ts';
import { findSpiceDb } from '../support/spicedb-server.ts';
import type { Cell, Conclusion } from './cell.ts';
import { conclude, formatCells, judge } from './cell.ts';
import { createExperiments, listExperiments } from './experiments.ts';
import type { Experiment } from './experiments.ts';
import { PLANTED_MICROSECONDS } from './plant.ts';
import type { Kind } from './resources.ts';
import { KINDS } from './resources.ts';
import { FULL_PAIRS } from './thresholds.ts';
import { startWorld } from './world.ts';

const USAGE = `npm run test:timing -- [--pairs N] [--seed N] [--only message,task,name]

Asks a real taskgate, in a process of its own, about denied and absent resources in random order, and compares how long the
answers took: by AUC (0.48 to 0.52), Welch's t of all but the longest twentieth (within 4.5), and KS (under 0.039). Cells:
a message, a task, a name; of another principal, of another account; over gRPC and Connect; and
  cold    never asked before
  second  asked once, just before
  aged    asked once, 6 seconds before
  warm    asked again and again

First the controls, for each transport and state, in the same run: two samples of denied ones must pass, and ${PLANTED_MICROSECONDS} µs
planted in one must be found. Where they are not as they must be, the machine is too noisy, and nothing passes. What is
not as it must be is measured once more, with fresh ids and twice the pairs, and then that counts: of so many cells chance
fails one now and then.

  --pairs N    of each class in each cell; default ${FULL_PAIRS}. With fewer the limits of AUC and KS are wider, and
               what passes shows less
  --seed N     of the order; default random
  --only LIST  of what to ask about; default all

Exit codes: 0 all pass; 1 a cell fails; 2 no verdict.
`;

const EXIT_CODES = { alike: 0, apart: 1, noVerdict: 2 } as const;

process.exitCode = await run();

async function run(): Promise<number> {
  const options = parseOptions();
  if (options === 'help') {
    process.stdout.write(USAGE);
    return EXIT_CODES.alike;
  }
  const binary = findSpiceDb();
  if (options === undefined || binary === undefined) {
    process.stderr.write(
      options === undefined ? USAGE : 'timing: needs a spicedb server: scripts/install-spicedb.sh\n',
    );
    return EXIT_CODES.noVerdict;
  }
  try {
    return await compareAll(binary, options);
  } catch (error) {
    process.stderr.write(`timing: the run broke, with --seed ${options.seed}\n${inspect(error)}\n`);
    return EXIT_CODES.noVerdict;
  }
}

interface Options {
  readonly pairs: number;
  readonly seed: number;
  readonly kinds: readonly Kind[];
}

async function compareAll(binary: string, { pairs, seed, kinds }: Options): Promise<number> {
  if (availableParallelism() > 1) execFileSync('taskset', ['-a', '-cp', `${LOAD_CORE}`, `${process.pid}`]);
  await using world = await startWorld(binary);
  const measure = createExperiments(world);
  await world.becomesQuiet();
  process.stdout.write(`${pairs} pairs a cell, seed ${seed}\n`);
  if (pairs < FULL_PAIRS) process.stdout.write(`fewer than ${FULL_PAIRS}: the limits of AUC and KS are wider\n`);

  let seedOfNext = seed;
  /** A suspect is measured once more, and what that says counts. */
  const cellsOf = async (experiment: Experiment): Promise<readonly Cell[]> => {
    const measureAll = async (count: number, isWanted: (cell: Cell) => boolean): Promise<readonly Cell[]> => {
      const cells = (await measure(experiment, count, (seedOfNext += 1))).map(judge).filter(isWanted);
      process.stdout.write(formatCells(cells));
      return cells;
    };
    const first = await measureAll(pairs, () => true);
    const suspects = first.filter(({ isAsWanted }) => !isAsWanted);
    if (suspects.length === 0) return first;
    process.stdout.write('  once more, with twice the pairs:\n');
    const second = await measureAll(2 * pairs, (cell) => suspects.some((suspect) => isSame(suspect, cell)));
    return first.map((cell) => second.find((again) => isSame(again, cell)) ?? cell);
  };
  const cells: Cell[] = [];
  for (const experiment of listExperiments(kinds)) cells.push(...(await cellsOf(experiment)));
  return report(conclude(cells), seed);
}

/** Of one experiment. */
function isSame(a: Cell, b: Cell): boolean {
  return a.question === b.question && a.owner === b.owner && a.state === b.state;
}

function report(conclusions: readonly Conclusion[], seed: number): number {
  process.stdout.write('\n');
  for (const { cell, verdict } of conclusions) {
    process.stdout.write(formatCells([cell]).replace('\n', `  ${verdict}\n`));
  }
  const count = (verdict: Conclusion['verdict']): number =>
    conclusions.filter((conclusion) => conclusion.verdict === verdict).length;
  const [differ, unknown] = [count('FAILS'), count('no verdict')];
  if (differ > 0) {
    process.stdout.write(`timing: absent and denied differ in ${differ} cells; seed ${seed}\n`);
    return EXIT_CODES.apart;
  }
  if (unknown > 0) {
    process.stdout.write(
      `timing: controls failed: no verdict on ${unknown} cells, the machine is too noisy; seed ${seed}\n`,
    );
    return EXIT_CODES.noVerdict;
  }
  process.stdout.write(`timing: absent and denied can't be told apart; seed ${seed}\n`);
  return EXIT_CODES.alike;
}

/** Undefined if the command line is wrong. */
function parseOptions(): 'help' | Options | undefined {
  const { values, positionals, tokens } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      pairs: { type: 'string', default: String(FULL_PAIRS) },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      only: { type: 'string', default: KINDS.join(',') },
    },
    // Not strict, so that a mistake is not an exception, whose exit code would say that something differs.
    strict: false,
    tokens: true,
  });
  if (values.help === true) return 'help';
  const isKnown = tokens.every((token) => token.kind !== 'option' || ['pairs', 'seed', 'only'].includes(token.name));
  const [pairs, seed] = [Number(values.pairs), Number(values.seed)];
  const asked = String(values.only).split(',');
  const kinds = KINDS.filter((kind) => asked.includes(kind));
  const isValid = [pairs, seed].every(Number.isInteger) && pairs > 0 && seed >= 0 && kinds.length === asked.length;
  return isKnown && isValid && positionals.length === 0 ? { pairs, seed, kinds } : undefined;
}
