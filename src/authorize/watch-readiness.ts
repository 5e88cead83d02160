import { toTaskgateError } from '../domain/errors.ts';
import type { CallContext, Clock } from './ports.ts';

/** Tells how one dependency is. */
export interface Probe {
  readonly name: string;
  /** True: without it nothing can be decided. False: its loss only makes the service slower. */
  readonly required: boolean;
  /** What is wrong, in words that are safe to show; undefined if all is well. A fault may be thrown. */
  problem(context: CallContext): Promise<string | undefined>;
}

export interface Readiness {
  readonly ready: boolean;
  readonly dependencies: Readonly<Record<string, string>>;
}

export interface ReadinessWatch extends AsyncDisposable {
  /** As of the last round of probes. */
  current(): Readiness;
  /** From now on not ready, whatever the probes say: the service is going away. */
  drain(): void;
}

export interface ReadinessOptions {
  /** Milliseconds between rounds of probes. */
  readonly intervalMs: number;
  /** Milliseconds that one probe may take. */
  readonly timeoutMs: number;
}

/** Probes the dependencies at once and then at intervals; ready while every required one answers. */
export async function watchReadiness(
  deps: {
    readonly probes: readonly Probe[];
    readonly clock: Clock;
    /** Told after the first round and then whenever readiness or a dependency changes. */
    readonly onChange: (readiness: Readiness) => void;
    /** Told what a probe threw, for the log. */
    readonly onFault: (probe: string, error: unknown) => void;
  },
  options: ReadinessOptions,
): Promise<ReadinessWatch> {
  let draining = false;
  let stopped = false;
  let states: ReadonlyMap<string, string> = new Map();
  let reported = '';
  let timer: NodeJS.Timeout | undefined;

  const current = (): Readiness => ({
    ready: !draining && deps.probes.every(({ name, required }) => !required || states.get(name) === 'ok'),
    dependencies: Object.fromEntries(states),
  });
  const report = (): void => {
    const readiness = current();
    const text = JSON.stringify(readiness);
    if (text === reported) return;
    reported = text;
    deps.onChange(readiness);
  };
  const probeAll = async (): Promise<void> => {
    states = new Map(await Promise.all(deps.probes.map(async (probe) => [probe.name, await probeOne(probe)] as const)));
    report();
  };
  const probeOne = async (probe: Probe): Promise<string> => {
    const signal = AbortSignal.timeout(options.timeoutMs);
    try {
      const problem = await probe.problem({ signal, deadlineAtMs: deps.clock.nowMs() + options.timeoutMs });
      return problem ?? 'ok';
    } catch (error) {
      deps.onFault(probe.name, error);
      return probe.required ? toTaskgateError(error).message : 'degraded';
    }
  };
  let round = probeAll();
  const schedule = (): void => {
    if (stopped) return;
    timer = setTimeout(() => {
      round = probeAll().finally(schedule);
    }, options.intervalMs);
  };
  await round;
  schedule();
  return {
    current,
    drain() {
      draining = true;
      report();
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      clearTimeout(timer);
      await round;
    },
  };
}
