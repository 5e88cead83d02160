import { expect, test } from 'vitest';
import type { LineObserver, LineSink } from '../../src/telemetry/line-buffer.ts';
import { createLineBuffer } from '../../src/telemetry/line-buffer.ts';
import { waitUntil } from '../support/wait-until.ts';

function setUp(sink: Partial<LineSink>, maxBytes: number) {
  const events: string[] = [];
  const observer: LineObserver = {
    written: (lines) => void events.push(`written ${lines}`),
    dropped: (reason, lines) => void events.push(`${reason} ${lines}`),
  };
  const buffer = createLineBuffer(
    { sink: { write: async () => {}, close: async () => {}, ...sink }, observer },
    { maxBytes },
  );
  return { buffer, events };
}

test('gives lines in order, those of one turn at once', async () => {
  const batches: (readonly string[])[] = [];
  const { buffer, events } = setUp({ write: async (lines) => void batches.push(lines) }, 100);
  for (const line of ['a', 'b', 'c']) buffer.write(line);
  await buffer.close(1_000);
  expect(batches).toEqual([['a', 'b', 'c']]);
  expect(events).toEqual(['written 3']);
  expect(buffer.bufferedBytes()).toBe(0);
});

test('drops what a sink that hangs has no room for, at once, and ends in its time', async () => {
  let closed = false;
  const close = async (): Promise<void> => {
    closed = true;
  };
  const { buffer, events } = setUp({ write: async () => new Promise(() => {}), close }, 10);
  const startedAtMs = performance.now();
  for (let index = 0; index < 1_000; index += 1) buffer.write('1234567890');
  expect(performance.now() - startedAtMs).toBeLessThan(100);
  expect(buffer.hasRoom()).toBe(false);
  expect(events.filter((event) => event === 'full 1')).toHaveLength(999);
  await buffer.close(20);
  expect(closed).toBe(true);
  buffer.write('late');
  expect(events.at(-1)).toBe('closed 1');
});

test('goes on after a sink that refused some, and says so', async () => {
  let attempts = 0;
  const write = async (): Promise<void> => {
    attempts += 1;
    if (attempts === 1) throw new Error('refused');
  };
  const { buffer, events } = setUp({ write }, 100);
  buffer.write('a');
  await waitUntil(() => (events.length === 1 ? true : undefined), { what: 'a refusal', timeoutMs: 1_000 });
  buffer.write('b');
  await buffer.close(1_000);
  expect(events).toEqual(['failed 1', 'written 1']);
});

test('counts what is left at exit', async () => {
  const { buffer, events } = setUp({ write: async () => new Promise(() => {}) }, 100);
  buffer.write('a');
  await waitUntil(() => (buffer.bufferedBytes() === 1 ? true : undefined), { what: 'a write', timeoutMs: 1_000 });
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  buffer.write('b');
  await buffer.close(10);
  expect(events).toEqual(['closed 1']);
});
