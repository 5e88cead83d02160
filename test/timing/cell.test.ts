import { expect, test } from 'vitest';
import type { Cell } from './cell.ts';
import { conclude, judge } from './cell.ts';
import type { Question } from './experiments.ts';

const SAME = { a: Array.from({ length: 100 }, (_, n) => n), b: Array.from({ length: 100 }, (_, n) => n) };
const APART = { a: SAME.a.map((value) => value + 500), b: SAME.b };

function cellOf(question: Question, sample: typeof SAME, { transport = 'gRPC' } = {}): Cell {
  return judge({ question, transport, kind: 'task', owner: 'same account', state: 'cold', ...sample });
}

test.each([
  ['passes', 'passes', SAME, APART, SAME],
  ['fails', 'FAILS', SAME, APART, APART],
  ['has no verdict where two alike were told apart', 'no verdict', APART, APART, SAME],
  ['has no verdict where two alike were told apart, even if it differs', 'no verdict', APART, APART, APART],
  ['has no verdict where planted time was not found', 'no verdict', SAME, SAME, SAME],
  ['fails where planted time was not found, but this', 'FAILS', SAME, SAME, APART],
])('a comparison %s', (_, verdict, identical, planted, hidden) => {
  const cells = [cellOf('identical', identical), cellOf('planted', planted), cellOf('hidden', hidden)];
  expect(conclude(cells)).toMatchObject([{ verdict }]);
});

test('a comparison has no verdict without controls of its own transport', () => {
  const controls = [cellOf('identical', SAME), cellOf('planted', APART)];
  expect(conclude([...controls, cellOf('hidden', SAME, { transport: 'Connect' })])).toMatchObject([
    { verdict: 'no verdict' },
  ]);
});
