/** Where the sidecar that was asked stands to the write: it made it, the other one did, or neither. */
export type WrittenBy = 'the asked sidecar' | 'the other sidecar' | 'SpiceDB directly';

/** One revocation as one sidecar saw it. */
export interface Sample {
  readonly round: number;
  readonly writtenBy: WrittenBy;
  readonly revocation: string;
  /** `ok`, or how it was cut. */
  readonly watch: string;
  readonly withToken: boolean;
  readonly staleMs: number;
}

const WITH_WATCH_MS = 1_000;
const WITHOUT_WATCH_MS = 5_500;

/** The promise: for how many milliseconds after the acknowledgement an allow may still arrive. */
export function boundMs({ watch, withToken }: Pick<Sample, 'watch' | 'withToken'>): number {
  if (withToken) return 0;
  return watch === 'ok' ? WITH_WATCH_MS : WITHOUT_WATCH_MS;
}

/** One line for each path and state of Watch. */
export function formatDistribution(samples: readonly Sample[]): string {
  const groups = Map.groupBy(samples, ({ watch, withToken, writtenBy }) =>
    JSON.stringify([watch, withToken ? 'yes' : 'no', writtenBy]),
  );
  const lines = [...groups]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([key, group]) => {
      const [watch, token, writtenBy] = JSON.parse(key) as string[];
      const staleMs = group.map((sample) => sample.staleMs).toSorted((a, b) => a - b);
      const at = (share: number): string => (staleMs[Math.ceil(share * staleMs.length) - 1] ?? 0).toFixed(0);
      const bound = group[0] === undefined ? 0 : boundMs(group[0]);
      return [watch, token, writtenBy, staleMs.length, at(0.5), at(0.9), at(0.99), at(1), bound];
    });
  const header = ['Watch', 'token asked', 'written by', 'n', 'p50', 'p90', 'p99', 'max', 'bound'];
  return [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
