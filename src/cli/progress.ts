import { SingleBar } from 'cli-progress';
import type { Clock } from '../authorize/ports.ts';
import type { ReconcileObserver, ReconcileProgress } from '../lifecycle/reconcile/engine.ts';

export interface Progress {
  readonly observer: ReconcileObserver;
  /** Says something that is no progress. */
  note(text: string): void;
  close(): void;
}

/** Where progress is shown: a terminal or something that keeps lines. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean };

const LINE_EVERY_MS = 10_000;
const FORMAT = '{name} [{bar}] {percentage}% | {value} of {total} | {drift} differ';

/** A bar on a terminal; elsewhere one JSON line a step, and one every 10 s of a step that takes long. */
export function createProgress({
  stream,
  clock,
}: {
  readonly stream: ProgressStream;
  readonly clock: Clock;
}): Progress {
  return stream.isTTY === true ? createBars(stream) : createLines(stream, clock);
}

function createBars(stream: ProgressStream): Progress {
  let bar: SingleBar | undefined;
  let shown = '';
  const close = (): void => {
    bar?.stop();
    bar = undefined;
    shown = '';
  };
  return {
    observer(progress) {
      const { done, drift, isEnded } = progress;
      // Rows come and go while they are read: what was counted is about right, and a step that has ended is at its end.
      const total = isEnded ? done : Math.max(done, progress.total ?? done);
      const name = nameOf(progress);
      if (name !== shown) {
        close();
        bar = new SingleBar({ stream, format: FORMAT, hideCursor: true, barsize: 24, etaBuffer: 50 });
        bar.start(total, done, { name, drift });
        shown = name;
      }
      bar?.setTotal(total);
      bar?.update(done, { name, drift });
      if (isEnded) close();
    },
    note(text) {
      close();
      stream.write(`${text}\n`);
    },
    close,
  };
}

function createLines(stream: ProgressStream, clock: Clock): Progress {
  let step = '';
  let writtenAtMs = clock.nowMs();
  const write = (line: object): void => {
    stream.write(`${JSON.stringify({ time: new Date(clock.nowMs()).toISOString(), ...line })}\n`);
  };
  return {
    observer(progress) {
      const name = nameOf(progress);
      if (name !== step) {
        step = name;
        writtenAtMs = clock.nowMs();
      }
      if (!progress.isEnded && clock.nowMs() - writtenAtMs < LINE_EVERY_MS) return;
      writtenAtMs = clock.nowMs();
      const { step: word, type, done, total, drift, isEnded } = progress;
      write({ step: word, type, done, total, drift, ended: isEnded });
    },
    note: (note) => write({ note }),
    close: () => undefined,
  };
}

function nameOf({ step, type }: ReconcileProgress): string {
  return type === undefined ? step : `${type}: ${step}`;
}
