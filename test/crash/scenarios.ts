import type { FaultMode } from '../support/fault-proxy.ts';
import type { Step } from './protocol.ts';
import { CREATE_STEPS, DELETE_STEPS } from './protocol.ts';

/** What goes wrong in a round. */
export type Fault =
  | { readonly kind: 'application' | 'sidecar' | 'cancel' | 'none' }
  | { readonly kind: 'spicedb'; readonly mode: Exclude<FaultMode, 'ok'> };

export type FaultKind = Fault['kind'];

/** A fault, and the step of one operation at which it strikes, or a moment later. */
export interface Scenario {
  readonly fault: Fault;
  readonly at: Step;
}

const SPICEDB_MODES = ['refuse', 'hang', 'reset'] as const;

function each(faults: readonly Fault[], steps: readonly Step[]): readonly Scenario[] {
  return faults.flatMap((fault) => steps.map((at) => ({ fault, at })));
}

/** One round of each, in any order, before one comes again: what strikes is spread over all that can be struck. */
export const SCENARIOS: readonly Scenario[] = [
  ...each([{ kind: 'application' }, { kind: 'application' }], [...CREATE_STEPS, ...DELETE_STEPS]),
  ...each([{ kind: 'sidecar' }], ['registering', 'compensating', 'deregistering']),
  ...each(
    SPICEDB_MODES.map((mode) => ({ kind: 'spicedb', mode })),
    ['registering', 'compensating', 'deregistering'],
  ),
  ...each([{ kind: 'cancel' }], ['registering', 'inserting', 'deleted', 'deregistering']),
  ...each([{ kind: 'none' }], ['registering', 'compensating', 'deregistering']),
];

/** What a run must have struck at least once: otherwise it has shown nothing of it. */
export const MUST_STRIKE: readonly { readonly kind: FaultKind; readonly at: Step }[] = [
  ...[...CREATE_STEPS, ...DELETE_STEPS].map((at) => ({ kind: 'application' as const, at })),
  ...(['sidecar', 'spicedb', 'cancel'] as const).flatMap((kind) =>
    (['registering', 'deregistering'] as const).map((at) => ({ kind, at })),
  ),
];
