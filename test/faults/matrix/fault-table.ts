import type { Cell, Fault, Store } from './cells.ts';
import type { CellResult, GroupResult } from './run-group.ts';
import { FAULTS, STORES } from './cells.ts';

const BEGIN = '<!-- faults survived: written by `npm run faults:table` from what the matrix found -->';
const END = '<!-- /faults survived -->';
const STORE_NAMES: Readonly<Record<Store, string>> = { redis: 'Redis', database: 'database', spicedb: 'SpiceDB' };

const HEADINGS = [
  'store',
  'fault',
  'checks, cold',
  'checks, warm',
  'lists',
  'writes, cold',
  'writes, warm',
  'in time',
  'right after it',
];

/** The cells of one column. */
const COLUMNS: readonly ((cell: Cell) => boolean)[] = [
  ({ rpc, warmth }) => CHECKS.has(rpc) && warmth === 'cold',
  ({ rpc, warmth }) => CHECKS.has(rpc) && warmth === 'warm',
  ({ rpc }) => rpc === 'ListReadableTasks',
  ({ rpc, warmth }) => WRITES.has(rpc) && warmth === 'cold',
  ({ rpc, warmth }) => WRITES.has(rpc) && warmth === 'warm',
];
const CHECKS = new Set<Cell['rpc']>(['CheckTask', 'BatchCheckTask', 'FilterReadableTasks']);
const WRITES = new Set<Cell['rpc']>(['RegisterResource', 'DeregisterResource', 'GrantRole', 'RevokeRole']);

/** A row for each store and fault, in Markdown. The same results give the same text. */
export function formatFaultTable(groups: readonly GroupResult[]): string {
  const rows = STORES.flatMap((store) =>
    FAULTS.flatMap((fault) => groups.filter((group) => group.store === store && group.fault === fault)),
  ).map(toRow);
  return [HEADINGS, ...rows]
    .map(toLine)
    .toSpliced(1, 0, `|${'---|'.repeat(HEADINGS.length)}`)
    .join('\n');
}

/** @throws Error if the document has no place for the table. */
export function replaceFaultTable(document: string, table: string): string {
  const { from, to } = findTable(document);
  return `${document.slice(0, from)}\n\n${table}\n\n${document.slice(to)}`;
}

/** The table of the document. @throws Error if it has no place for one. */
export function readFaultTable(document: string): string {
  const { from, to } = findTable(document);
  return document.slice(from, to).trim();
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function findTable(document: string): { readonly from: number; readonly to: number } {
  const [begin, to] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin === -1 || to < begin) throw new Error('the document has no place for the table of faults');
  return { from: begin + BEGIN.length, to };
}

function toRow({ store, fault, results, recovered }: GroupResult): readonly string[] {
  return [
    STORE_NAMES[store],
    fault satisfies Fault,
    ...COLUMNS.map((isOfColumn) => summarize(results.filter(({ cell }) => isOfColumn(cell)))),
    outOf(results.filter(({ inTime }) => inTime).length, results.length),
    outOf(recovered, results.length),
  ];
}

/** `9 right`, `3 right, 9 errors`; what is wrong stands out. */
function summarize(results: readonly CellResult[]): string {
  const count = (kind: CellResult['kind']): number => results.filter((result) => result.kind === kind).length;
  const counts = [
    [count('right'), 'right'],
    [count('could not tell'), 'errors'],
    [count('wrong'), '**WRONG**'],
  ] as const;
  return counts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(', ');
}

function outOf(some: number, all: number): string {
  return some === all ? `all ${all}` : `${some} of ${all}`;
}
