import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Relationship, RelationshipObject } from '../../src/authorize/ports.ts';
import type { StoredRelationship } from '../../src/authorize/ports-lifecycle.ts';
import { CancelledError } from '../../src/domain/errors.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { readGraph, toLine } from '../support/graph.ts';
import type { SpiceDbEngine, SpiceDbStore } from '../support/spicedb.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK, task } from '../support/spicedb.ts';

const agent = (id: string): RelationshipObject => ({ kind: 'resource', type: 'agent', id });
const role = (object: RelationshipObject, relation: string, id: string): Relationship => ({
  object,
  relation,
  subject: { kind: 'principal', principalKind: 'user', id },
});
const tie = (object: RelationshipObject, account = 'acme'): Relationship => ({
  object,
  relation: 'tenant',
  subject: { kind: 'object', object: { kind: 'tenant', account } },
});
const below = (object: RelationshipObject, parent: RelationshipObject): Relationship => ({
  object,
  relation: 'parent',
  subject: { kind: 'object', object: parent },
});

describe.each(SPICEDB_ENGINES)('writing and reading relationships on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  let store: SpiceDbStore;
  let chain: RelationshipChain;
  beforeAll(async () => {
    engine = await start();
    store = await engine.openStore(loadSchema());
    chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
    await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
  });
  afterAll(async () => {
    chain.close();
    await store[Symbol.asyncDispose]();
    await engine.close();
  });

  const graph = async () => readGraph(chain.reader);
  const linesOf = async (id: string) => (await graph()).filter((line) => line.startsWith(`task:${id}#`));
  const fresh = () => {
    const id = `t-${randomUUID()}`;
    return { id, object: task(id) };
  };

  test('writes all of a change or nothing', async () => {
    const { id, object } = fresh();
    const change = { touch: [role(object, 'owner', 'a'), tie(object)], ifNone: [{ object }] };
    expect(await chain.writer.write(change, callContext())).toMatchObject({ kind: 'written' });
    expect(await linesOf(id)).toEqual([`task:${id}#owner@user:a`, `task:${id}#tenant@tenant:acme`]);
    const other = { touch: [role(object, 'viewer', 'b'), below(object, agent('agent-1'))], ifNone: [{ object }] };
    expect(await chain.writer.write(other, callContext())).toEqual({ kind: 'refused' });
    expect(await linesOf(id)).toHaveLength(2);
  });

  test('removes and writes in one change, under conditions on what is there', async () => {
    const { id, object } = fresh();
    await chain.writer.touch([role(object, 'owner', 'a'), role(object, 'owner', 'b')], callContext());
    const remove = [role(object, 'owner', 'a')];
    const ifAny = (name: string) => [{ object, relation: 'owner', subject: role(object, 'owner', name).subject }];
    expect(await chain.writer.write({ remove, ifAny: ifAny('c') }, callContext())).toEqual({ kind: 'refused' });
    const change = { remove, touch: [role(object, 'viewer', 'a')], ifAny: ifAny('b') };
    expect(await chain.writer.write(change, callContext())).toMatchObject({ kind: 'written' });
    expect(await linesOf(id)).toEqual([`task:${id}#owner@user:b`, `task:${id}#viewer@user:a`]);
    expect(await chain.writer.write({ remove }, callContext())).toMatchObject({ kind: 'written' });
  });

  test('creates only what is not there, all of it or nothing', async () => {
    const { id, object } = fresh();
    const create = [role(object, 'owner', 'a'), tie(object)];
    expect(await chain.writer.write({ create }, callContext())).toMatchObject({ kind: 'written' });
    const more = { create: [role(object, 'viewer', 'b'), tie(object)], touch: [role(object, 'editor', 'c')] };
    expect(await chain.writer.write(more, callContext())).toEqual({ kind: 'refused' });
    expect(await linesOf(id)).toHaveLength(2);
  });

  test('lets exactly one of 64 writes win that exclude each other', async () => {
    const { id, object } = fresh();
    const results = await Promise.all(
      Array.from({ length: 64 }, async (_, index) =>
        chain.writer.write({ create: [role(object, 'owner', `u${index}`)], ifNone: [{ object }] }, callContext()),
      ),
    );
    expect(results.filter(({ kind }) => kind === 'written')).toHaveLength(1);
    expect(await linesOf(id)).toHaveLength(1);
  });

  test('removes all that match, as object and as subject, chunk by chunk', async () => {
    const before = await graph();
    const { object } = fresh();
    const parent = agent(`a-${randomUUID()}`);
    for (let at = 0; at < 1_800; at += 900) {
      const indexes = Array.from({ length: 900 }, (_, index) => at + index);
      await chain.writer.touch(
        indexes.map((index) => role(object, 'viewer', `u${index}`)),
        callContext(),
      );
      await chain.writer.touch(
        indexes.map((index) => below(task(`child-${index}`), parent)),
        callContext(),
      );
    }
    expect(await chain.writer.removeAll({ object }, {}, callContext())).toMatchObject({ kind: 'written' });
    const asSubject = { subject: { kind: 'object', object: parent } } as const;
    expect(await chain.writer.removeAll(asSubject, {}, callContext())).toMatchObject({ kind: 'written' });
    expect(await graph()).toEqual(before);
  });

  test('removes nothing while a condition does not hold', async () => {
    const { id, object } = fresh();
    await chain.writer.touch([role(object, 'owner', 'a'), tie(object)], callContext());
    const ifNone = [{ object, relation: 'tenant' }];
    expect(await chain.writer.removeAll({ object }, { ifNone }, callContext())).toEqual({ kind: 'refused' });
    expect(await linesOf(id)).toHaveLength(2);
  });

  test.each(['alice@example.com', '=2A', 'ünï|códé/🦜', 'a'.repeat(1_024)])('reads back the id %s', async (id) => {
    const object = task(id);
    await chain.writer.touch([role(object, 'owner', id)], callContext());
    const { relationships, readAt } = await chain.reader.read({ object }, callContext());
    expect(relationships).toEqual([
      { object: { type: 'task', id }, relation: 'owner', subject: { type: 'user', id, relation: '' } },
    ] satisfies StoredRelationship[]);
    expect(readAt).toMatch(/./);
  });

  test('reads nothing of what is not there', async () => {
    expect(await chain.reader.read({ object: task('nothing-here') }, callContext())).toEqual({
      relationships: [],
      readAt: undefined,
    });
  });

  test('scans every relationship once, those of an object together, as of the revision of the first page', async () => {
    const objects = Array.from({ length: 700 }, (_, index) => task(`scan.${index % 2 === 0 ? 'A' : 'a'}/${index}`));
    for (const at of [0, 350]) {
      const some = objects.slice(at, at + 350).flatMap((object) => [role(object, 'owner', 'a'), tie(object)]);
      await chain.writer.touch(some, callContext());
    }
    const seen: StoredRelationship[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const page = await chain.reader.scan('task', cursor, callContext());
      seen.push(...page.relationships);
      ({ cursor } = page);
      pages += 1;
      if (pages === 1) await chain.writer.touch([role(task('~written-meanwhile'), 'owner', 'a')], callContext());
    } while (cursor !== undefined);
    expect(pages).toBeGreaterThan(1);
    const lines = seen.map(toLine);
    expect(new Set(lines).size).toBe(lines.length);
    for (const object of objects) {
      if (object.kind === 'resource') expect(lines).toContain(`task:${object.id}#owner@user:a`);
    }
    expect(lines.join('\n')).not.toContain('~written-meanwhile');
    const runs = seen.map(({ object }) => object.id).filter((id, index, all) => id !== all[index - 1]);
    expect(new Set(runs).size).toBe(runs.length);
  });

  test('refuses a cursor that is none', async () => {
    await expect(chain.reader.scan('task', 'no-cursor', callContext())).rejects.toThrow();
  });

  test('tells which relationships there are', async () => {
    const { object } = fresh();
    await chain.writer.touch([tie(object)], callContext());
    const asked = [tie(object), tie(object, 'globex'), tie(task('nothing-here')), tie(object)];
    expect(await chain.reader.has(asked, callContext())).toEqual([true, false, false, true]);
    expect(await chain.reader.has([tie(object, 'globex')], callContext())).toEqual([false]);
    expect(await chain.reader.has([], callContext())).toEqual([]);
  });

  test('ends when its caller leaves', async () => {
    const signal = AbortSignal.abort(new CancelledError());
    const gone = callContext({ signal });
    const { object } = fresh();
    await expect(chain.writer.write({ touch: [tie(object)] }, gone)).rejects.toThrow(CancelledError);
    await expect(chain.writer.removeAll({ object }, {}, gone)).rejects.toThrow(CancelledError);
    await expect(chain.reader.read({ object }, gone)).rejects.toThrow(CancelledError);
    await expect(chain.reader.scan('task', undefined, gone)).rejects.toThrow(CancelledError);
    await expect(chain.reader.has([tie(object)], gone)).rejects.toThrow(CancelledError);
  });
});
