import { describe, expect, test } from 'vitest';
import { OverloadedError, UnavailableError } from '../../src/domain/errors.ts';
import { createLogger, logFault } from '../../src/telemetry/logger.ts';

const CANARY = 'canary-words';

/** What is logged of a fault, parsed. */
function log(fault: unknown, options: { readonly level: string; readonly at?: 'debug' | 'warn' }) {
  const lines: string[] = [];
  const logger = createLogger(
    { level: options.level, format: 'json' },
    { write: (line: string) => void lines.push(line) },
  );
  logFault(logger, options.at ?? 'warn', { fault, layer: 'spicedb' }, 'it failed');
  return lines;
}

/** As drivers throw: words, a code, and whatever they had at hand. */
function thrownByDriver(properties: object = {}): Error {
  return Object.assign(new Error(`14 UNAVAILABLE: ${CANARY}\n    at ${CANARY} (sent.ts:1:1)`), {
    code: 14,
    details: CANARY,
    ...properties,
  });
}

describe('a fault in the log', () => {
  test('has our words, the kinds and codes of its causes, and where it was thrown', () => {
    const fault = new UnavailableError('spicedb', { cause: thrownByDriver() });
    const [line = ''] = log(fault, { level: 'info' });
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      layer: 'spicedb',
      msg: 'it failed',
      fault: {
        type: 'UnavailableError',
        message: 'spicedb is unavailable: nothing was decided',
        stack: expect.stringContaining('logger.test.ts') as string,
        cause: { type: 'Error', code: 14, stack: expect.stringContaining('logger.test.ts') as string },
      },
    });
  });

  test.each<[string, unknown]>([
    ['its cause', new UnavailableError('spicedb', { cause: thrownByDriver() })],
    ['a cause of its cause', new OverloadedError({ cause: new Error(CANARY, { cause: thrownByDriver() }) })],
    ['an error that is none of ours', thrownByDriver()],
    ['a code', thrownByDriver({ code: `08006 ${CANARY}` })],
    ['many errors at once', new AggregateError([thrownByDriver()], CANARY)],
  ])('does not have the words of %s, except at debug', (_, fault) => {
    expect(log(fault, { level: 'info' })).toHaveLength(1);
    expect(log(fault, { level: 'info' }).join('')).not.toContain(CANARY);
    const [warned, debugged] = log(fault, { level: 'debug' });
    expect(warned).not.toContain(CANARY);
    expect(debugged).toContain(CANARY);
  });

  test('does not have what is thrown and is no error', () => {
    expect(log({ message: CANARY }, { level: 'info' }).join('')).not.toContain(CANARY);
  });

  test('has the texts that we gave as a cause', () => {
    const [line] = log(new UnavailableError('database', { cause: 'a row that was not asked for' }), { level: 'info' });
    expect(line).toContain('a row that was not asked for');
  });

  test('is one line where its level is debug', () => {
    expect(log(thrownByDriver(), { level: 'info', at: 'debug' })).toEqual([]);
    expect(log(thrownByDriver(), { level: 'debug', at: 'debug' })).toHaveLength(1);
  });
});
