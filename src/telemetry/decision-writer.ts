import type { DecisionRecord } from '../authorize/ports.ts';
import type { DecisionWriter } from './decision-log.ts';
import type { LineBuffer } from './line-buffer.ts';

/** The share of each outcome that is written, from 0 to 1. */
export type DecisionSampling = Readonly<Record<DecisionRecord['outcome'], number>>;

/** Writes decisions as lines: samples first, then makes a line only where there is room for it. */
export function createDecisionWriter(
  deps: {
    readonly buffer: LineBuffer;
    readonly toLine: (record: DecisionRecord) => string;
    /** From 0 to 1, exclusive. Default `Math.random`. */
    readonly random?: () => number;
  },
  sampling: DecisionSampling,
): DecisionWriter {
  const { buffer, toLine, random = Math.random } = deps;
  return {
    write(record) {
      const share = sampling[record.outcome];
      if (share < 1 && random() >= share) return;
      if (buffer.hasRoom()) buffer.write(toLine(record));
      else buffer.drop();
    },
  };
}
