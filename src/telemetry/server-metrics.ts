import { Gauge } from 'prom-client';
import type { Metrics } from './metrics.ts';

/** What a dependency may be, in the words of the readiness report; anything else is `failed`. */
const STATES = ['ok', 'degraded', 'failed'] as const;

interface Readiness {
  readonly ready: boolean;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Shows whether calls should be sent here, and how each dependency is. */
export function showReadiness({ registry }: Metrics, readiness: () => Readiness): void {
  const registers = [registry];
  const ready: Gauge = new Gauge({
    name: 'taskgate_ready',
    help: '1 while calls may be sent here',
    registers,
    collect() {
      ready.set(readiness().ready ? 1 : 0);
    },
  });
  const dependencies: Gauge<'dependency' | 'state'> = new Gauge({
    name: 'taskgate_dependency_state',
    help: '1 for the state that a dependency is in, 0 for the others',
    labelNames: ['dependency', 'state'],
    registers,
    collect() {
      for (const [dependency, words] of Object.entries(readiness().dependencies)) {
        const is = words === 'ok' || words === 'degraded' ? words : 'failed';
        for (const state of STATES) dependencies.set({ dependency, state }, state === is ? 1 : 0);
      }
    },
  });
}

/** Shows how many calls each listener has. */
export function showLoad(
  { registry }: Metrics,
  loads: Readonly<Record<string, () => { readonly executing: number; readonly queued: number }>>,
): void {
  const calls: Gauge<'listener' | 'state'> = new Gauge({
    name: 'taskgate_calls',
    help: 'Calls of each listener that are executing, and that wait for a place',
    labelNames: ['listener', 'state'],
    registers: [registry],
    collect() {
      for (const [listener, load] of Object.entries(loads)) {
        const { executing, queued } = load();
        calls.set({ listener, state: 'executing' }, executing);
        calls.set({ listener, state: 'queued' }, queued);
      }
    },
  });
}
