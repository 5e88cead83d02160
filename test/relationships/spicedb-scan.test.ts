import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Relationship } from '../../src/authorize/ports.ts';
import type { StoredRelationship } from '../../src/authorize/ports-lifecycle.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbEngine, SpiceDbStore } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK, task } from '../support/spicedb.ts';

/** More than a page of an export, and than three of a read. */
const TASKS = 1_300;

describe.each(SPICEDB_ENGINES)('a scan on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  let store: SpiceDbStore;
  let chain: RelationshipChain;
  beforeAll(async () => {
    engine = await start();
    store = await engine.openStore(loadSchema());
    chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
    const written = Array.from({ length: TASKS }, (_, index) => toRelationships(`t@${index}.x`)).flat();
    for (let at = 0; at < written.length; at += 1_000) {
      await chain.writer.touch(written.slice(at, at + 1_000), callContext());
    }
  });
  afterAll(async () => {
    chain.close();
    await store[Symbol.asyncDispose]();
    await engine.close();
  });

  function toRelationships(id: string): Relationship[] {
    return ['owner', 'viewer'].map((relation) => ({
      object: task(id),
      relation,
      subject: { kind: 'principal', principalKind: 'user', id: 'eve@example.com' },
    }));
  }

  test('gives every relationship once, those of one object together, as of its beginning', async () => {
    const read: StoredRelationship[] = [];
    let pages = 0;
    let cursor: string | undefined;
    do {
      const page = await chain.reader.scan('task', cursor, callContext());
      if (pages === 0) await chain.writer.touch(toRelationships('zz-new'), callContext());
      read.push(...page.relationships);
      pages += 1;
      ({ cursor } = page);
    } while (cursor !== undefined);
    await chain.writer.removeAll({ object: task('zz-new') }, {}, callContext());
    expect(pages).toBeGreaterThan(1);
    expect(new Set(read.map((one) => JSON.stringify(one))).size).toBe(2 * TASKS);
    expect(read).toHaveLength(2 * TASKS);
    const changes = read.filter(({ object }, index) => object.id !== read[index - 1]?.object.id);
    expect(changes).toHaveLength(TASKS);
    expect(read[0]).toMatchObject({
      object: { type: 'task', id: expect.stringMatching(/^t@\d+\.x$/) },
      subject: { type: 'user', id: 'eve@example.com', relation: '' },
    });
  });

  test('of a type that has none is one empty page', async () => {
    const page = await chain.reader.scan('schedule', undefined, callContext());
    expect(page).toEqual({ relationships: [], cursor: undefined });
  });

  test('with a cursor that is none asks to begin anew', async () => {
    await expect(chain.reader.scan('task', 'bm8gY3Vyc29y', callContext())).rejects.toMatchObject({
      name: 'FailedPreconditionError',
    });
  });

  test('that is given up ends at once', async () => {
    const controller = new AbortController();
    controller.abort();
    const scan = chain.reader.scan('task', undefined, callContext({ signal: controller.signal }));
    await expect(scan).rejects.toMatchObject({ name: 'CancelledError' });
  });

  test('exists tells of objects and of subjects', async () => {
    const eve = { kind: 'principal', principalKind: 'user', id: 'eve@example.com' } as const;
    const nobody = { ...eve, id: 'nobody' };
    const patterns = [{ object: task('t@1.x') }, { object: task('t@x') }, { subject: eve }, { subject: nobody }];
    const told = await Promise.all(patterns.map(async (pattern) => chain.reader.exists(pattern, callContext())));
    expect(told).toEqual([true, false, true, false]);
  });
});
