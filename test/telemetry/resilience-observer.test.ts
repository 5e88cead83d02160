import { expect, test } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createResilienceObserver } from '../../src/telemetry/resilience-observer.ts';

function setUp() {
  const logged: { readonly level: number; readonly dependency: string; readonly msg: string }[] = [];
  const write = (line: string): void => void logged.push(JSON.parse(line) as (typeof logged)[number]);
  const logger = createLogger({ level: 'debug', format: 'json' }, { write });
  const metrics = createMetrics();
  const observer = createResilienceObserver({ logger, metrics });
  const shown = async (): Promise<readonly string[]> => {
    const text = await metrics.registry.metrics();
    return text.split('\n').filter((line) => /^taskgate_(?:breaker|bulkhead|retries)/.test(line));
  };
  return { observer, shown, logged };
}

test('shows the one state that a breaker is in, and counts its changes', async () => {
  const { observer, shown } = setUp();
  observer.breakerChanged('spicedb', 'closed');
  expect(await shown()).toEqual([
    'taskgate_breaker_state{dependency="spicedb",state="closed"} 1',
    'taskgate_breaker_state{dependency="spicedb",state="half_open"} 0',
    'taskgate_breaker_state{dependency="spicedb",state="open"} 0',
  ]);
  observer.breakerChanged('spicedb', 'open', new Error('down'));
  observer.breakerChanged('spicedb', 'half_open');
  observer.breakerRejected('spicedb');
  expect(await shown()).toEqual([
    'taskgate_breaker_state{dependency="spicedb",state="closed"} 0',
    'taskgate_breaker_state{dependency="spicedb",state="half_open"} 1',
    'taskgate_breaker_state{dependency="spicedb",state="open"} 0',
    'taskgate_breaker_transitions_total{dependency="spicedb",state="open"} 1',
    'taskgate_breaker_transitions_total{dependency="spicedb",state="half_open"} 1',
    'taskgate_breaker_rejected_total{dependency="spicedb"} 1',
  ]);
});

test('logs once that a breaker opens and once that it closes, however often it probes between', () => {
  const { observer, logged } = setUp();
  observer.breakerChanged('database', 'closed');
  observer.breakerChanged('database', 'open', new Error('down'));
  for (let probe = 0; probe < 3; probe += 1) {
    observer.breakerChanged('database', 'half_open');
    observer.breakerChanged('database', 'open', new Error('still down'));
  }
  observer.breakerChanged('database', 'half_open');
  observer.breakerChanged('database', 'closed');
  const told = logged.filter(({ level }) => level > 20);
  expect(told.map(({ level, dependency, msg }) => [level, dependency, msg])).toEqual([
    [40, 'database', 'calls are refused at once: the breaker is open'],
    [30, 'database', 'calls are made again: the breaker is closed'],
  ]);
});

test('shows how full a bulkhead is, and counts what it and the budget of retries refuse', async () => {
  const { observer, shown } = setUp();
  observer.bulkheadLoaded('database', { executing: 10, queued: 3 });
  observer.bulkheadRejected('database');
  observer.retried('spicedb', 'made');
  observer.retried('spicedb', 'refused');
  observer.retried('spicedb', 'refused');
  expect(await shown()).toEqual([
    'taskgate_bulkhead_calls{dependency="database",state="executing"} 10',
    'taskgate_bulkhead_calls{dependency="database",state="queued"} 3',
    'taskgate_bulkhead_rejected_total{dependency="database"} 1',
    'taskgate_retries_total{dependency="spicedb",outcome="made"} 1',
    'taskgate_retries_total{dependency="spicedb",outcome="refused"} 2',
  ]);
});
