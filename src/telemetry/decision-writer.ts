import type { DecisionRecord } from '../authorize/ports.ts';
import type { ListRecord } from '../authorize/ports-list-log.ts';
import type { DecisionWriter } from './decision-log.ts';
import type { LineBuffer } from './line-buffer.ts';
import type { ListWriter } from './list-log.ts';

/** The share of each outcome that is written, from 0 to 1. */
export type DecisionSampling = Readonly<Record<DecisionRecord['outcome'] | ListRecord['outcome'], number>>;

/** Writes decisions and lists as lines: samples first, then makes a line only where there is room for it. */
export function createDecisionWriter(
  deps: {
    readonly buffer: LineBuffer;
    readonly toLine: (record: DecisionRecord) => string;
    readonly toListLine: (record: ListRecord) => string;
    /** From 0 to 1, exclusive. Default `Math.random`. */
    readonly random?: () => number;
  },
  sampling: DecisionSampling,
): DecisionWriter & ListWriter {
  const { buffer, toLine, toListLine, random = Math.random } = deps;
  const isSampled = (outcome: keyof DecisionSampling): boolean => {
    const share = sampling[outcome];
    return share >= 1 || random() < share;
  };
  return {
    write(record) {
      if (!isSampled(record.outcome)) return;
      if (buffer.hasRoom()) buffer.write(toLine(record));
      else buffer.drop();
    },
    writeList(record) {
      if (!isSampled(record.outcome)) return;
      if (buffer.hasRoom()) buffer.write(toListLine(record));
      else buffer.drop();
    },
  };
}
