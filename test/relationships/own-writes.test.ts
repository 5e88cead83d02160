import { describe, expect, test } from 'vitest';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import type { Floor, ObjectName } from '../../src/relationships/freshness.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import type { OwnWrite } from '../../src/relationships/own-writes.ts';

const TASK_1 = { type: 'task', id: 'task-1' };
const TASK_2 = { type: 'task', id: 'task-2' };
const TENANT = { type: 'tenant', id: 'acme' };
const FLOOR_TTL_MS = 10_000;

/** What is known of changes, on a clock that the test moves; changes are followed, and that floor is over. */
function setUp({ maxObjects = 100 } = {}) {
  let nowMs = 0;
  const freshness = createFreshness({ clock: { nowMs: () => nowMs } }, { floorTtlMs: FLOOR_TTL_MS, maxObjects });
  freshness.listener.followed({ token: 'start', leafTypes: new Set(['task']) });
  const advance = (ms: number): void => {
    nowMs += ms;
  };
  advance(FLOOR_TTL_MS);
  const begin = (...objects: readonly ObjectName[]): OwnWrite => freshness.beginWrite(objects);
  return {
    freshness,
    advance,
    begin,
    /** A write of ours that is acknowledged at once. */
    write: (token: string, ...objects: readonly ObjectName[]): OwnWrite => {
      const own = begin(...objects);
      own.written(token);
      return own;
    },
    tell: (object: ObjectName, token: string, own?: OwnWrite): void =>
      freshness.listener.changed([object], token, own?.tag),
  };
}

function atLeast(token: string): Floor {
  return { kind: 'at_least_as_fresh', token };
}

describe('the floor of a write of ours', () => {
  test('is its token for what it changed, from the acknowledgement on', () => {
    const { freshness, begin } = setUp();
    const own = begin(TASK_1);
    expect(freshness.floorOf([TASK_1])).toBeUndefined();
    own.written('own');
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('own'));
    expect(freshness.floorOf([TASK_2])).toBeUndefined();
    expect(freshness.floorOf([TASK_2, TASK_1])).toEqual(atLeast('own'));
  });

  test('is there before changes are followed, and while they are lost', () => {
    const freshness = createFreshness({ clock: { nowMs: () => 0 } });
    freshness.beginWrite([TASK_1]).written('own');
    expect(freshness.floorOf([TASK_2])).toEqual(atLeast('own'));
    const followed = setUp();
    followed.freshness.listener.lost();
    followed.write('own', TASK_1);
    expect(followed.freshness.floorOf([TASK_1])).toEqual(atLeast('own'));
  });

  test('is none of a write that failed', () => {
    const { freshness, begin, advance } = setUp();
    begin(TASK_1).failed();
    expect(freshness.floorOf([TASK_1])).toBeUndefined();
    expect(freshness.floorOfAll()).toBeUndefined();
    advance(1);
    expect(freshness.holdsSince(TASK_1, freshness.now() ?? 0)).toBe(true);
  });

  test('is the floor of everything if what it changed is shared', () => {
    const { freshness, write } = setUp();
    write('own', TENANT);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('own'));
    expect(freshness.floorOf([TASK_2, TENANT])).toEqual(atLeast('own'));
  });

  test('ends when no recent snapshot can be without it', () => {
    const { freshness, write, advance } = setUp();
    write('own', TASK_1);
    write('shared', TENANT);
    advance(FLOOR_TTL_MS - 1);
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
    expect(freshness.floorOf([TASK_2])).toEqual(atLeast('shared'));
    advance(1);
    expect(freshness.floorOf([TASK_1, TASK_2])).toBeUndefined();
    expect(freshness.floorOfAll()).toBeUndefined();
  });

  test('is the later one of two writes that came one after the other', () => {
    const { freshness, write } = setUp();
    const first = write('first', TASK_1);
    write('second', TASK_1);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('second'));
    freshness.listener.changed([TASK_1], 'first', first.tag);
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
  });

  test.each([
    ['in the order in which they began', (first: OwnWrite, second: OwnWrite) => [first, second]],
    ['in the other order', (first: OwnWrite, second: OwnWrite) => [second, first]],
  ])('is the freshest read after two at the same time, acknowledged %s', (_, order) => {
    const { freshness, begin, tell, advance } = setUp();
    const writes = order(begin(TASK_1), begin(TASK_1));
    for (const [index, own] of writes.entries()) own.written(`own ${index}`);
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
    // Which of them is the later one is never known, so it stays until any snapshot has both.
    for (const own of writes) tell(TASK_1, 'told', own);
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
    advance(FLOOR_TTL_MS);
    expect(freshness.floorOf([TASK_1])).toBeUndefined();
  });

  test('is the freshest read for a third write that began while two at the same time were known', () => {
    const { freshness, begin, write } = setUp();
    const [first, second] = [begin(TASK_1), begin(TASK_1)];
    first.written('first');
    second.written('second');
    write('third', TASK_1);
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
  });

  test.each([
    ['of the object', TASK_1],
    ['of what is shared', TENANT],
  ])('is the freshest read if a change %s was told after it began', (_, changed) => {
    const { freshness, begin, tell } = setUp();
    const own = begin(TASK_1);
    tell(changed, 'theirs');
    own.written('own');
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
  });

  test('covers what was told before it began', () => {
    const { freshness, write, tell } = setUp();
    tell(TASK_1, 'theirs');
    write('own', TASK_1);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('own'));
  });

  test('is the freshest read for objects that different writes changed', () => {
    const { freshness, write } = setUp();
    write('one', TASK_1);
    write('two', TASK_2);
    expect(freshness.floorOf([TASK_1, TASK_2])).toEqual(FULLY_CONSISTENT);
    expect(freshness.floorOf([TASK_2])).toEqual(atLeast('two'));
  });
});

describe("Watch's word of a write of ours", () => {
  test('takes over when it comes after the acknowledgement', () => {
    const { freshness, write, tell, advance } = setUp();
    const own = write('own', TASK_1);
    advance(FLOOR_TTL_MS / 2);
    tell(TASK_1, 'told', own);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('told'));
    advance(FLOOR_TTL_MS / 2);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('told'));
    advance(FLOOR_TTL_MS / 2);
    expect(freshness.floorOf([TASK_1])).toBeUndefined();
  });

  test('stands when it comes before the acknowledgement', () => {
    const { freshness, begin, tell } = setUp();
    const own = begin(TASK_1);
    tell(TASK_1, 'told', own);
    own.written('own');
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('told'));
    expect(freshness.floorOfAll()).toEqual(atLeast('told'));
  });

  test('of another write takes over for none but that one', () => {
    const { freshness, write, tell } = setUp();
    const other = write('other', TASK_2);
    write('own', TASK_1);
    tell(TASK_2, 'told', other);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('own'));
    expect(freshness.floorOf([TASK_2])).toEqual(atLeast('told'));
  });

  test('takes over for all objects of a shared one', () => {
    const { freshness, write, tell } = setUp();
    const own = write('own', TENANT);
    tell(TENANT, 'told', own);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('told'));
  });
});

describe('an answer from before a write of ours', () => {
  test('does not hold once the write is acknowledged; one from after it does', () => {
    const { freshness, begin } = setUp();
    const before = freshness.now() ?? 0;
    const own = begin(TASK_1);
    const during = freshness.now() ?? 0;
    expect(freshness.holdsSince(TASK_1, before)).toBe(true);
    own.written('own');
    const after = freshness.now() ?? 0;
    const held = [before, during, after].map((moment) => freshness.holdsSince(TASK_1, moment));
    expect(held).toEqual([false, false, true]);
    expect(freshness.holdsSince(TASK_2, before)).toBe(true);
  });

  test('does not hold for any object once a shared one is written', () => {
    const { freshness, write } = setUp();
    const before = freshness.now() ?? 0;
    write('own', TENANT);
    expect(freshness.holdsSince(TASK_1, before)).toBe(false);
    expect(freshness.holdsSince(TASK_1, freshness.now() ?? 0)).toBe(true);
  });

  test('does not hold after Watch has told of it, nor when its floor is over and Watch has not', () => {
    const { freshness, write, tell, advance } = setUp();
    const before = freshness.now() ?? 0;
    const own = write('own', TASK_1);
    tell(TASK_1, 'told', own);
    write('never told', TASK_2);
    advance(FLOOR_TTL_MS);
    expect(freshness.floorOf([TASK_1, TASK_2])).toBeUndefined();
    expect(freshness.holdsSince(TASK_1, before)).toBe(false);
    expect(freshness.holdsSince(TASK_2, before)).toBe(false);
  });
});

describe('the floor of a list', () => {
  test('covers every write of ours and every change that was told', () => {
    const { freshness, write, tell, advance } = setUp();
    expect(freshness.floorOfAll()).toBeUndefined();
    tell(TASK_2, 'theirs');
    expect(freshness.floorOfAll()).toEqual(atLeast('theirs'));
    write('own', TASK_1);
    expect(freshness.floorOfAll()).toEqual(atLeast('own'));
    tell(TASK_2, 'later');
    expect(freshness.floorOfAll()).toEqual(FULLY_CONSISTENT);
    advance(FLOOR_TTL_MS);
    expect(freshness.floorOfAll()).toBeUndefined();
  });

  test('is the freshest read with two writes of ours that Watch has yet to tell of', () => {
    const { freshness, write, tell } = setUp();
    const first = write('first', TASK_1);
    const second = write('second', TASK_2);
    expect(freshness.floorOfAll()).toEqual(FULLY_CONSISTENT);
    tell(TASK_1, 'told first', first);
    tell(TASK_2, 'told second', second);
    expect(freshness.floorOfAll()).toEqual(FULLY_CONSISTENT);
    freshness.listener.asking()('latest');
    expect(freshness.floorOfAll()).toEqual(atLeast('latest'));
  });
});

/** On Postgres: each began before the other was committed, so that neither token holds what the other wrote. */
describe('two changes that may have overlapped', () => {
  test('are seen together by the freshest read, and each alone by its token', () => {
    const { freshness, tell } = setUp();
    tell(TASK_1, 'first');
    tell(TASK_2, 'second');
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('first'));
    expect(freshness.floorOf([TASK_2])).toEqual(atLeast('second'));
    expect(freshness.floorOf([TASK_1, TASK_2])).toEqual(FULLY_CONSISTENT);
    expect(freshness.floorOfAll()).toEqual(FULLY_CONSISTENT);
  });

  test.each([
    { what: 'one object', object: TASK_1 },
    { what: 'what objects share', object: TENANT },
  ])('of $what are seen by the freshest read, until neither can be missed', ({ object }) => {
    const { freshness, tell, advance } = setUp();
    tell(object, 'first');
    tell(object, 'second');
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
    freshness.listener.asking()('latest');
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('latest'));
    advance(FLOOR_TTL_MS);
    expect(freshness.floorOf([TASK_1])).toBeUndefined();
    tell(object, 'third');
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('third'));
  });

  test('are seen where following began anew after them', () => {
    const { freshness, tell } = setUp();
    tell(TASK_1, 'first');
    tell(TASK_1, 'second');
    freshness.listener.lost();
    freshness.listener.followed({ token: 'anew', leafTypes: new Set(['task']) });
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('anew'));
    tell(TASK_1, 'third');
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
    expect(freshness.floorOf([TASK_2])).toEqual(atLeast('anew'));
  });
});

test('a change that is no longer remembered is the floor of what may have changed', () => {
  const { freshness, tell } = setUp({ maxObjects: 1 });
  tell(TASK_1, 'first');
  tell(TASK_2, 'second');
  expect(freshness.floorOf([TASK_1])).toEqual(atLeast('first'));
  expect(freshness.floorOf([TASK_2])).toEqual(atLeast('second'));
});

describe('the latest revision that SpiceDB said', () => {
  test('is the floor of everything that was known when it was asked for, for as long as a floor is kept', () => {
    const { freshness, write, tell, advance } = setUp();
    tell(TASK_1, 'told');
    write('own', TASK_2);
    freshness.listener.asking()('latest');
    for (const object of [TASK_1, TASK_2, TENANT]) expect(freshness.floorOf([object])).toEqual(atLeast('latest'));
    expect(freshness.floorOfAll()).toEqual(atLeast('latest'));
    advance(FLOOR_TTL_MS);
    expect(freshness.floorOf([TASK_1])).toBeUndefined();
    expect(freshness.floorOfAll()).toBeUndefined();
  });

  test('covers nothing that became known after the question', () => {
    const { freshness, write, tell } = setUp();
    const answered = freshness.listener.asking();
    tell(TASK_1, 'told');
    write('own', TASK_2);
    answered('latest');
    // Neither need hold what is in the answer, nor the answer what they changed.
    expect(freshness.floorOf([TASK_1])).toEqual(FULLY_CONSISTENT);
    expect(freshness.floorOf([TASK_2])).toEqual(FULLY_CONSISTENT);
    // It is begun after all of that was known.
    write('later', TASK_1);
    expect(freshness.floorOf([TASK_1])).toEqual(atLeast('later'));
  });

  test('voids no answer', () => {
    const { freshness } = setUp();
    const moment = freshness.now() ?? 0;
    freshness.listener.asking()('latest');
    expect(freshness.holdsSince(TASK_1, moment)).toBe(true);
  });
});
