import type { Step } from './protocol.ts';
import { CREATE_STEPS, DELETE_STEPS } from './protocol.ts';
import type { Struck } from './rounds.ts';
import { MUST_STRIKE } from './scenarios.ts';
import type { Truth } from './truth.ts';

const LEFT = ['row and relationships', 'row only', 'relationships only', 'nothing'] as const;

const LABELS: Readonly<Record<Step, string>> = {
  'asked to create': 'create: before register',
  registering: 'create: in register',
  registered: 'create: between register and INSERT',
  inserting: 'create: in INSERT',
  inserted: 'create: between INSERT and answer',
  compensating: 'create: in the compensation',
  compensated: 'create: compensated, not answered',
  'asked to delete': 'delete: before DELETE',
  deleting: 'delete: in DELETE',
  deleted: 'delete: between DELETE and deregister',
  deregistering: 'delete: in deregister',
  deregistered: 'delete: deregistered, not answered',
};

/** Where operations were struck, and what those whose application was killed left behind. */
export function formatStruck(struck: readonly Struck[], truth: Truth): string {
  const count = (kind: Struck['kind'], step: Step): number =>
    struck.filter((one) => one.kind === kind && one.at === step).length;
  const leftOf = (step: Step): readonly number[] => {
    const left = struck
      .filter((one) => one.kind === 'application' && one.at === step)
      .map(({ id }) => toLeft(truth, id));
    return LEFT.map((name) => left.filter((other) => other === name).length);
  };
  const head = ['struck', 'application killed', ...LEFT.map((name) => `left: ${name}`)];
  const columns = [...head, 'sidecar killed', 'SpiceDB cut', 'cancelled'];
  const rows = [...CREATE_STEPS, ...DELETE_STEPS].map((step) =>
    [
      LABELS[step],
      count('application', step),
      ...leftOf(step),
      count('sidecar', step),
      count('spicedb', step),
      count('cancel', step),
    ].map(String),
  );
  return `${formatTable([columns, columns.map(() => ''), ...rows])}(left: when the rounds were over, before reconcile)\n`;
}

/** What had to be struck and was not, in words. */
export function listNeverStruck(struck: readonly Struck[]): readonly string[] {
  return MUST_STRIKE.filter(({ kind, at }) => !struck.some((one) => one.kind === kind && one.at === at)).map(
    ({ kind, at }) => `${LABELS[at]} (${kind})`,
  );
}

function toLeft({ rows, relationships }: Truth, id: string): (typeof LEFT)[number] {
  if (rows.has(id)) return relationships.has(id) ? 'row and relationships' : 'row only';
  return relationships.has(id) ? 'relationships only' : 'nothing';
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows
    .map(
      (row, at) =>
        `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0, at === 1 ? '-' : ' ')).join(' | ')} |\n`,
    )
    .join('');
}
