import type { FlagFault } from '../authorize/ports-rollout.ts';

/** A flag could not be told. */
export class FlagError extends Error {
  readonly fault: FlagFault;

  constructor(fault: FlagFault, options?: ErrorOptions) {
    super(`the flag could not be told: ${fault}`, options);
    this.name = 'FlagError';
    this.fault = fault;
  }
}
