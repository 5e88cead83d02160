import { Gauge, Registry } from 'prom-client';

/** What a run of reconcile or backfill found, as far as metrics tell of it. */
export interface ReconcileFigures {
  readonly command: string;
  readonly result: string;
  readonly endedAtMs: number;
  readonly durationMs: number;
  /** When a run could last tell. */
  readonly lastSuccessAtMs: number | undefined;
  readonly types: readonly {
    readonly type: string;
    /** False: nothing is known of its drift. */
    readonly isKnown: boolean;
    readonly resources: number;
    readonly rows: number;
    readonly drift: Readonly<Record<string, { readonly found: number; readonly repaired: number }>>;
  }[];
}

const RESULTS = ['clean', 'drift', 'unknown'];
const SECOND_MS = 1_000;

/** The figures of one run in Prometheus' text format, for a file that node-exporter reads. */
export async function renderReconcileMetrics(figures: ReconcileFigures): Promise<string> {
  const registry = new Registry();
  registry.setDefaultLabels({ command: figures.command });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Gauge<Label> =>
    new Gauge({ name: `taskgate_reconcile_${name}`, help, labelNames, registers: [registry] });

  const drift = gauge('drift', 'Differences of relationships and rows that are left', ['type', 'kind']);
  const repaired = gauge('repaired', 'Differences that the run repaired', ['type', 'kind']);
  const rows = gauge('rows', 'Rows read', ['type']);
  const resources = gauge('resources', 'Registered resources read', ['type']);
  const known = gauge('known', '1 if the run could tell of the type', ['type']);
  const result = gauge('result', '1 for the result of the run', ['result']);
  for (const { type, isKnown, ...counts } of figures.types) {
    known.set({ type }, isKnown ? 1 : 0);
    rows.set({ type }, counts.rows);
    resources.set({ type }, counts.resources);
    for (const [kind, count] of Object.entries(counts.drift)) {
      repaired.set({ type, kind }, count.repaired);
      if (isKnown) drift.set({ type, kind }, count.found - count.repaired);
    }
  }
  for (const word of RESULTS) result.set({ result: word }, word === figures.result ? 1 : 0);
  gauge('duration_seconds', 'Duration of the run').set(figures.durationMs / SECOND_MS);
  gauge('last_run_timestamp_seconds', 'When the run ended').set(figures.endedAtMs / SECOND_MS);
  if (figures.lastSuccessAtMs !== undefined) {
    gauge('last_success_timestamp_seconds', 'When a run could last tell').set(figures.lastSuccessAtMs / SECOND_MS);
  }
  return registry.metrics();
}
