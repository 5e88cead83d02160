import type { Logger } from 'pino';
import { Counter } from 'prom-client';
import type { RolloutObserver } from '../authorize/ports-rollout.ts';
import { logFault } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** Counts what the rollout does; a flag that can't be told is a warning, once until it can. */
export function createRolloutObserver({
  logger,
  metrics: { registry },
}: {
  readonly logger: Logger;
  readonly metrics: Metrics;
}): RolloutObserver {
  const registers = [registry];
  const answers = new Counter({
    name: 'taskgate_rollout_answers_total',
    help: 'Answers that asked nobody, by type, how far the account is, and whose answer it was',
    labelNames: ['type', 'enforcement', 'by'] as const,
    registers,
  });
  const differences = new Counter({
    name: 'taskgate_rollout_differences_total',
    help: 'Decisions in shadow by type and how they compare with what was answered',
    labelNames: ['type', 'class'] as const,
    registers,
  });
  const dropped = new Counter({
    name: 'taskgate_rollout_shadow_dropped_total',
    help: 'Decisions in shadow that were not made because there was too much else to do',
    registers,
  });
  const skipped = new Counter({
    name: 'taskgate_rollout_writes_skipped_total',
    help: 'Writes that were answered and not made, by type and reason',
    labelNames: ['type', 'reason'] as const,
    registers,
  });
  const faults = new Counter({
    name: 'taskgate_rollout_flag_faults_total',
    help: 'Evaluations of flags that failed, by flag and reason',
    labelNames: ['flag', 'reason'] as const,
    registers,
  });
  const failing = new Set<string>();
  return {
    answered(type, enforcement, by, count) {
      answers.inc({ type, enforcement, by }, count);
    },
    compared(type, difference) {
      differences.inc({ type, class: difference });
    },
    dropped(count) {
      dropped.inc(count);
    },
    writeSkipped(type, why) {
      skipped.inc({ type, reason: why });
      logger.debug({ type, reason: why }, 'a write was answered and not made');
    },
    flagFaulted(flag, fault, cause) {
      faults.inc({ flag, reason: fault });
      const level = failing.has(flag) ? 'debug' : 'warn';
      failing.add(flag);
      logFault(
        logger,
        level,
        { flag, reason: fault, fault: cause },
        'a flag can not be told: its safe default may hold',
      );
    },
    flagRecovered(flag) {
      failing.delete(flag);
      logger.info({ flag }, 'a flag can be told again');
    },
  };
}
