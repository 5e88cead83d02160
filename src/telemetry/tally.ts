import type { Registry } from 'prom-client';
import { Counter, Histogram } from 'prom-client';

/** A label's value: from a closed set, always. */
type LabelValue = string | number;
type LabelValues = readonly LabelValue[];

/** One series and its labels. */
interface Series<State> {
  readonly labels: Readonly<Record<string, LabelValue>>;
  readonly state: State;
}

interface Branch<State> extends Map<LabelValue, Branch<State> | Series<State>> {}

/**
 * The series of a metric, by the values of its labels in their order. For what every call counts: prom-client sorts and
 * joins the labels each time, which takes several times as long as finding them here.
 */
class SeriesTree<State> {
  readonly all: Series<State>[] = [];
  readonly #root: Branch<State> = new Map();
  readonly #labelNames: readonly string[];
  readonly #create: () => State;
  /** What was asked for last, which often is asked for next. */
  #lastValues: LabelValues = [];
  #lastState: State | undefined;

  constructor(labelNames: readonly string[], create: () => State) {
    this.#labelNames = labelNames;
    this.#create = create;
  }

  at(values: LabelValues): State {
    if (this.#lastState !== undefined && isSame(values, this.#lastValues)) return this.#lastState;
    const state = this.#find(values);
    this.#lastValues = values;
    this.#lastState = state;
    return state;
  }

  #find(values: LabelValues): State {
    let node: Branch<State> | Series<State> = this.#root;
    for (const value of values) {
      if (!(node instanceof Map)) break;
      const next: Branch<State> | Series<State> | undefined = node.get(value);
      if (next === undefined) return this.#add(values);
      node = next;
    }
    return node instanceof Map ? this.#add(values) : node.state;
  }

  #add(values: LabelValues): State {
    const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index] ?? '']));
    const series: Series<State> = { labels, state: this.#create() };
    this.all.push(series);
    let node = this.#root;
    values.forEach((value, index) => {
      if (index === values.length - 1) {
        node.set(value, series);
        return;
      }
      const next = node.get(value) ?? (new Map() as Branch<State>);
      node.set(value, next);
      if (next instanceof Map) node = next;
    });
    return series.state;
  }
}

function isSame(a: LabelValues, b: LabelValues): boolean {
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

interface TallyOptions<Values extends LabelValues> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: { readonly [Index in keyof Values]: string };
  readonly registry: Registry;
}

/** A counter for what every call counts. The values of its labels come in the order of their names. */
export interface CounterTally<Values extends LabelValues> {
  inc(values: Values, by?: number): void;
}

export function createCounterTally<Values extends LabelValues>(options: TallyOptions<Values>): CounterTally<Values> {
  const { name, help, labelNames, registry } = options;
  const tree = new SeriesTree([...labelNames], () => ({ count: 0 }));
  const counter = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      counter.reset();
      for (const { labels, state } of tree.all) counter.inc({ ...labels }, state.count);
    },
  });
  return {
    inc(values, by = 1) {
      tree.at(values).count += by;
    },
  };
}

/** A histogram for what every call measures. */
export interface HistogramTally<Values extends LabelValues> {
  observe(values: Values, value: number): void;
  /** All series, as they are now. */
  read(): readonly HistogramSeries[];
}

export interface HistogramSeries {
  readonly labels: Readonly<Record<string, LabelValue>>;
  /** Of each bucket alone, and of what is above all of them. */
  readonly counts: readonly number[];
}

interface Buckets {
  /** Of each bucket alone, and of what is above all of them. */
  readonly counts: number[];
  sum: number;
}

export function createHistogramTally<Values extends LabelValues>(
  options: TallyOptions<Values> & { /** Ascending. */ readonly buckets: readonly number[] },
): HistogramTally<Values> {
  const { name, help, labelNames, buckets, registry } = options;
  const tree = new SeriesTree([...labelNames], (): Buckets => ({
    counts: Array.from({ length: buckets.length + 1 }, () => 0),
    sum: 0,
  }));
  registry.registerMetric(new TalliedHistogram({ name, help, labelNames, buckets, tree }));
  return {
    observe(values, value) {
      const state = tree.at(values);
      state.sum += value;
      let at = 0;
      while (at < buckets.length && value > (buckets[at] ?? 0)) at += 1;
      state.counts[at] = (state.counts[at] ?? 0) + 1;
    },
    read: () => tree.all.map(({ labels, state }) => ({ labels, counts: [...state.counts] })),
  };
}

/** What prom-client shows of the tally. */
class TalliedHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  readonly #tree: SeriesTree<Buckets>;

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly labelNames: readonly string[];
    readonly buckets: readonly number[];
    readonly tree: SeriesTree<Buckets>;
  }) {
    const { name, help, labelNames, buckets, tree } = options;
    super({ name, help, labelNames, buckets: [...buckets], registers: [] });
    this.#name = name;
    this.#help = help;
    this.#bounds = buckets;
    this.#tree = tree;
  }

  /** What the registry, and `get` of the base class, ask for. */
  async getForPromString() {
    const values = this.#tree.all.flatMap(({ labels, state }) => this.#show({ ...labels }, state));
    return { name: this.#name, help: this.#help, type: 'histogram', values, aggregator: 'sum' };
  }

  #show(labels: Record<string, LabelValue>, { counts, sum }: Buckets) {
    // `get` of the base class wants some.
    const sharedLabels = {};
    let count = 0;
    const shown = counts.map((inBucket, index) => {
      count += inBucket;
      const le = this.#bounds[index] ?? '+Inf';
      return { metricName: `${this.#name}_bucket`, labels: { le, ...labels }, sharedLabels, value: count };
    });
    return [
      ...shown,
      { metricName: `${this.#name}_sum`, labels, sharedLabels, value: sum },
      { metricName: `${this.#name}_count`, labels, sharedLabels, value: count },
    ];
  }
}
