import { describe, expect, it } from 'vitest';
import { OverloadedError } from '../../src/domain/errors.ts';
import { createCallPlaces } from '../../src/calls/call-places.ts';

const never = new AbortController().signal;

describe('the places for calls', () => {
  it('are given without waiting while there are any', () => {
    const places = createCallPlaces({ maxConcurrentCalls: 2, maxQueuedCalls: 0 });
    expect([places.tryTake(), places.tryTake(), places.tryTake()]).toEqual([true, true, false]);
    places.give();
    expect(places.tryTake()).toBe(true);
  });

  it('go to those who wait, in order, and to nobody before them', async () => {
    const places = createCallPlaces({ maxConcurrentCalls: 1, maxQueuedCalls: 3 });
    places.tryTake();
    const entered: number[] = [];
    const waits = [1, 2, 3].map(async (turn) => {
      await places.take(never);
      entered.push(turn);
    });
    for (const turn of [1, 2, 3]) {
      places.give();
      expect(places.tryTake()).toBe(false);
      await waits[turn - 1];
      expect(entered).toHaveLength(turn);
    }
    expect(entered).toEqual([1, 2, 3]);
    places.give();
    expect(places.tryTake()).toBe(true);
  });

  it('refuse at once what is over the queue, and wait again when it is shorter', async () => {
    const places = createCallPlaces({ maxConcurrentCalls: 1, maxQueuedCalls: 1 });
    await places.take(never);
    const waits = places.take(never);
    expect(places.isFull()).toBe(true);
    await expect(places.take(never)).rejects.toThrow(OverloadedError);
    places.give();
    await waits;
    expect(places.isFull()).toBe(false);
  });

  it('are not held by who left the queue', async () => {
    const places = createCallPlaces({ maxConcurrentCalls: 1, maxQueuedCalls: 2 });
    places.tryTake();
    const leaving = new AbortController();
    const left = places.take(leaving.signal);
    const stays = places.take(never);
    leaving.abort(new OverloadedError());
    await expect(left).rejects.toThrow(OverloadedError);
    places.give();
    await stays;
    places.give();
    expect(places.tryTake()).toBe(true);
    await expect(places.take(leaving.signal)).rejects.toThrow(OverloadedError);
  });
});
