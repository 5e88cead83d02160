import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Floor, Moment, ObjectName } from '../../src/relationships/freshness.ts';
import { createFreshness } from '../../src/relationships/freshness.ts';
import type { OwnWrite } from '../../src/relationships/own-writes.ts';

const TENANT = { type: 'tenant', id: 'acme' };
const OBJECTS: readonly ObjectName[] = [...['1', '2', '3'].map((id) => ({ type: 'task', id })), TENANT];
const FLOOR_TTL_MS = 10;

/** One write in SpiceDB's order. Its revision is its place in the log, from 1. */
interface Logged {
  readonly objects: readonly ObjectName[];
  readonly committedAtMs: number;
  readonly tag: string | undefined;
}

interface Started {
  readonly objects: readonly ObjectName[];
  readonly own: OwnWrite;
  /** Undefined until SpiceDB has made it. */
  revision: number | undefined;
  isOver: boolean;
}

/** An answer that a cache would have kept: what it surely sees, and when its check began. */
interface Answer {
  readonly object: ObjectName;
  readonly moment: Moment;
  readonly sees: number;
}

/**
 * A log of revisions beside the floors. Whoever was told of a revision, by an acknowledgement or by Watch, must find it
 * in every later check of what it bears on.
 */
function createModel() {
  let nowMs = 0;
  // Two changes are remembered, of three that can be told.
  const options = { floorTtlMs: FLOOR_TTL_MS, maxObjects: 2 };
  const freshness = createFreshness({ clock: { nowMs: () => nowMs } }, options);
  const log: Logged[] = [];
  const started: Started[] = [];
  const answers: Answer[] = [];
  /** The latest revision that checks of the object must see, by what was told and what was acknowledged. */
  const promised = new Map<ObjectName, number>();
  /** What Watch has told of; undefined while changes are not followed. */
  let toldTo: number | undefined;
  /** Questions for the latest revision that are under way, and their answers. */
  const questions: { readonly take: (token: string) => void; readonly revision: number }[] = [];

  const commit = (objects: readonly ObjectName[], tag?: string): number =>
    log.push({ objects, committedAtMs: nowMs, tag });
  const promise = (objects: readonly ObjectName[], revision: number): void => {
    for (const object of objects) promised.set(object, Math.max(promised.get(object) ?? 0, revision));
  };
  const mustSee = (object: ObjectName): number => Math.max(promised.get(object) ?? 0, promised.get(TENANT) ?? 0);
  /** The oldest revision that SpiceDB may read for the floor. */
  const oldestSeen = (floor: Floor | undefined): number => {
    if (floor?.kind === 'fully_consistent') return log.length;
    const settled = log.filter(({ committedAtMs }) => committedAtMs + FLOOR_TTL_MS <= nowMs).length;
    return floor === undefined ? settled : Math.max(settled, Number(floor.token));
  };
  const pickStarted = (at: number, isWanted: (write: Started) => boolean): Started | undefined =>
    pick(
      started.filter((write) => !write.isOver && isWanted(write)),
      at,
    );

  return {
    writeOfOthers: (objects: readonly ObjectName[]): void => void commit(objects),
    begin(objects: readonly ObjectName[]): void {
      started.push({ objects, own: freshness.beginWrite(objects), revision: undefined, isOver: false });
    },
    commit(at: number): void {
      const write = pickStarted(at, ({ revision }) => revision === undefined);
      if (write !== undefined) write.revision = commit(write.objects, write.own.tag);
    },
    acknowledge(at: number): void {
      const write = pickStarted(at, ({ revision }) => revision !== undefined);
      if (write?.revision === undefined) return;
      write.isOver = true;
      write.own.written(String(write.revision));
      promise(write.objects, write.revision);
    },
    /** Whether it was committed or not, nobody is told. */
    fail(at: number): void {
      const write = pickStarted(at, () => true);
      if (write === undefined) return;
      write.isOver = true;
      write.own.failed();
    },
    tell(): void {
      const logged = toldTo === undefined ? undefined : log[toldTo];
      if (toldTo === undefined || logged === undefined) return;
      toldTo += 1;
      freshness.listener.changed(logged.objects, String(toldTo), logged.tag);
      promise(logged.objects, toldTo);
    },
    lose(): void {
      toldTo = undefined;
      freshness.listener.lost();
    },
    follow(): void {
      if (toldTo !== undefined) freshness.listener.lost();
      toldTo = log.length;
      freshness.listener.followed({ token: String(toldTo), leafTypes: new Set(['task']) });
      promise([TENANT], toldTo);
    },
    ask(): void {
      questions.push({ take: freshness.listener.asking(), revision: log.length });
    },
    answer(): void {
      const question = questions.shift();
      question?.take(String(question.revision));
    },
    advance(ms: number): void {
      nowMs += ms;
    },
    assertSees(): void {
      for (const object of OBJECTS) {
        const sees = oldestSeen(freshness.floorOf([object]));
        expect(sees).toBeGreaterThanOrEqual(mustSee(object));
        const moment = freshness.now();
        if (moment !== undefined) answers.push({ object, moment, sees });
      }
      expect(oldestSeen(freshness.floorOfAll())).toBeGreaterThanOrEqual(Math.max(...OBJECTS.map(mustSee)));
    },
    /** Every answer that is said to hold must be one that could be given now. */
    assertHolds(): void {
      for (const { object, moment, sees } of answers) {
        if (!freshness.holdsSince(object, moment)) continue;
        expect(toldTo).toBeDefined();
        expect(sees).toBeGreaterThanOrEqual(mustSee(object));
      }
    },
  };
}

function pick<Item>(items: readonly Item[], at: number): Item | undefined {
  return items[at % Math.max(1, items.length)];
}

const objects = fc.subarray([...OBJECTS], { minLength: 1, maxLength: 2 });
const index = fc.nat({ max: 3 });

function step<Value>(
  arbitrary: fc.Arbitrary<Value>,
  name: string,
  run: (model: ReturnType<typeof createModel>, value: Value) => void,
) {
  return arbitrary.map((value) => ({
    run: (model: ReturnType<typeof createModel>) => run(model, value),
    toString: () => `${name} ${JSON.stringify(value)}`,
  }));
}

/** Often enough two writes of the same object at the same time, whose order only Watch knows. */
const STEPS = fc.oneof(
  { weight: 4, arbitrary: step(objects, 'begin', (model, changed) => model.begin(changed)) },
  { weight: 4, arbitrary: step(index, 'commit', (model, at) => model.commit(at)) },
  { weight: 4, arbitrary: step(index, 'acknowledge', (model, at) => model.acknowledge(at)) },
  { weight: 3, arbitrary: step(fc.constant(''), 'tell', (model) => model.tell()) },
  step(objects, 'write of others', (model, changed) => model.writeOfOthers(changed)),
  step(index, 'fail', (model, at) => model.fail(at)),
  step(fc.constant(''), 'lose', (model) => model.lose()),
  step(fc.constant(''), 'follow', (model) => model.follow()),
  step(fc.constant(''), 'ask', (model) => model.ask()),
  step(fc.constant(''), 'answer', (model) => model.answer()),
  step(fc.integer({ min: 1, max: FLOOR_TTL_MS }), 'advance', (model, ms) => model.advance(ms)),
);

test('every check, list and kept answer sees what was acknowledged and what was told', () => {
  fc.assert(
    fc.property(fc.array(STEPS, { maxLength: 60, size: 'max' }), (steps) => {
      const model = createModel();
      model.follow();
      for (const step of steps) {
        step.run(model);
        model.assertSees();
        model.assertHolds();
      }
    }),
    { numRuns: 1_000 },
  );
});
