import type { Measured, Question } from './experiments.ts';
import type { Comparison } from './statistics.ts';
import { compare } from './statistics.ts';
import type { Measure } from './thresholds.ts';
import { exceeded } from './thresholds.ts';

/** One comparison, and what comes of it. */
export interface Cell extends Omit<Measured, 'a' | 'b'> {
  readonly pairs: number;
  readonly comparison: Comparison;
  /** Of both classes, in microseconds. */
  readonly medians: readonly [number, number];
  readonly exceeded: readonly Measure[];
  /** A control of planted time is as wanted if it is found, and any other comparison if nothing is. */
  readonly isAsWanted: boolean;
}

/** A comparison of denied and absent, in the light of its controls. */
export interface Conclusion {
  readonly cell: Cell;
  readonly verdict: 'passes' | 'FAILS' | 'no verdict';
}

export function judge({ a, b, ...measured }: Measured): Cell {
  const comparison = compare(a, b);
  const over = exceeded(comparison, Math.min(a.length, b.length));
  return {
    ...measured,
    pairs: a.length,
    comparison,
    medians: [medianOf(a), medianOf(b)],
    exceeded: over,
    isAsWanted: over.length > 0 === (measured.question === 'planted'),
  };
}

/**
 * What comes of all cells of a run. Nothing counts where two alike were told apart; and where planted time was not found,
 * a difference counts and its lack does not.
 */
export function conclude(cells: readonly Cell[]): readonly Conclusion[] {
  const isControlled = (question: Question, { transport, state }: Cell): boolean => {
    const controls = cells.filter((cell) => cell.question === question);
    return controls.some((cell) => cell.transport === transport && cell.state === state && cell.isAsWanted);
  };
  return cells
    .filter(({ question }) => question === 'hidden')
    .map((cell) => {
      if (!isControlled('identical', cell)) return { cell, verdict: 'no verdict' };
      if (!cell.isAsWanted) return { cell, verdict: 'FAILS' };
      return { cell, verdict: isControlled('planted', cell) ? 'passes' : 'no verdict' };
    });
}

const QUESTIONS = { identical: 'denied/denied', planted: 'denied+50µs/denied', hidden: 'denied/absent' } as const;

/** A line for each, of columns that are as wide in every call. */
export function formatCells(cells: readonly Cell[]): string {
  return cells.map((cell) => `${formatCell(cell)}\n`).join('');
}

function formatCell({ question, transport, kind, owner, state, pairs, ...found }: Cell): string {
  const { comparison, medians, exceeded: over, isAsWanted } = found;
  const columns = [
    QUESTIONS[question].padEnd(18),
    kind.padEnd(7),
    owner.padEnd(13),
    transport.padEnd(7),
    state.padEnd(6),
    `N ${pairs}`.padEnd(7),
    `p50 ${medians.map((median) => median.toFixed(0).padStart(5)).join('/')} µs`,
    `AUC ${comparison.auc.toFixed(3)}`,
    `t ${comparison.croppedT.toFixed(1).padStart(6)}`,
    `KS ${comparison.ks.toFixed(3)}`,
    `${isAsWanted ? 'ok' : 'SUSPECT'}${over.length === 0 ? '' : ` (${over.join(', ')})`}`,
  ];
  return columns.join('  ');
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
