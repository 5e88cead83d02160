import type { Pipeline } from '../calls/pipeline.ts';
import type { Procedure } from './procedure.ts';

/** What every listener carries. */
export interface ListenerDeps {
  readonly procedures: readonly Procedure[];
  readonly pipeline: Pipeline;
  /** A random id of fixed length. */
  readonly createDecisionId: () => string;
}

/** A listener that is open. */
export interface Listener {
  /** Where it listens, with the port that it really got. */
  readonly address: string;
  /** Stops taking calls, lets those under way finish for `graceMs`, then ends them. */
  close(graceMs: number): Promise<void>;
}
