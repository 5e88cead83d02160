import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RelationshipCheck } from '../../src/authorize/ports.ts';
import type { TraceNode } from '../../src/authorize/ports-explain.ts';
import { FULLY_CONSISTENT } from '../../src/domain/consistency.ts';
import { FailedPreconditionError, UnavailableError } from '../../src/domain/errors.ts';
import { SAMPLE_RELATIONSHIPS } from '../../src/embedded/sample-data.ts';
import { parseTracedCheck } from '../../src/relationships/parse-trace.ts';
import type { RelationshipChain } from '../../src/relationships/relationship-chain.ts';
import { createRelationshipChain } from '../../src/relationships/relationship-chain.ts';
import type { SpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import { createSpiceDbTracer } from '../../src/relationships/spicedb-tracer.ts';
import { callContext, loadSchema, SPICEDB_ENGINES, SYSTEM_CLOCK, task } from '../support/spicedb.ts';

function read(id: string, user: string, account = 'acme'): RelationshipCheck {
  return { object: task(id), permission: 'read', principal: { kind: 'user', id: user, account } };
}

function leaves(node: TraceNode): readonly string[] {
  if (node.children.length > 0) return node.children.flatMap(leaves);
  return [`${node.objectType}:${node.objectId}#${node.name} ${node.result}`];
}

describe.each(SPICEDB_ENGINES)('traces of $name', ({ start }) => {
  const opened = new AsyncDisposableStack();
  let chain: RelationshipChain;
  beforeAll(async () => {
    const engine = await start();
    opened.defer(async () => engine.close());
    const store = opened.use(await engine.openStore(loadSchema()));
    chain = createRelationshipChain({ clock: SYSTEM_CLOCK }, { spiceDb: store.options });
    opened.defer(() => chain.close());
    await chain.writer.touch(SAMPLE_RELATIONSHIPS, callContext());
  });
  afterAll(async () => opened.disposeAsync());

  it('show what was held and what was not, caveats evaluated, the same every time', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { result, trace, checkedAt } = await chain.tracer.trace(
        read('task-1', 'alice'),
        FULLY_CONSISTENT,
        callContext(),
      );
      expect([result, checkedAt === '', trace === undefined ? [] : leaves(trace)]).toEqual([
        'held',
        false,
        ['task:task-1#editor denied', 'task:task-1#owner held', 'task:task-1#viewer denied', 'tenant:acme#member held'],
      ]);
    }
    const other = await chain.tracer.trace(read('task-1', 'alice', 'globex'), FULLY_CONSISTENT, callContext());
    expect([other.result, other.trace === undefined ? [] : leaves(other.trace)]).toEqual([
      'denied',
      expect.arrayContaining(['task:task-1#owner held', 'tenant:acme#member denied']),
    ]);
  });

  it('show ids as the application writes them', async () => {
    const { trace } = await chain.tracer.trace(read('a@b.example', 'ü*'), FULLY_CONSISTENT, callContext());
    expect([trace?.objectId, trace?.subject]).toEqual(['a@b.example', 'user:ü*']);
  });
});

describe('a tracer', () => {
  const failing = (error: unknown): SpiceDbClient => ({
    call: async () => {
      throw error;
    },
    stream: () => ({ cancel: () => undefined }),
    close: () => undefined,
  });
  const trace = async (error: unknown) =>
    createSpiceDbTracer({
      client: failing(error),
      freshness: { floorOf: () => undefined },
      cached: () => undefined,
    }).trace(read('t', 'u'), { kind: 'at_exact_snapshot', token: 'x' }, callContext());
  const grpcError = (code: number) =>
    new UnavailableError('spicedb', { cause: Object.assign(new Error('canary'), { code, details: 'canary' }) });

  it('says that a revision is gone, and takes no other error for that', async () => {
    await expect(trace(grpcError(status.OUT_OF_RANGE))).rejects.toThrow(FailedPreconditionError);
    await expect(trace(grpcError(status.UNAVAILABLE))).rejects.toThrow(UnavailableError);
  });

  it('takes an answer without a permissionship or revision for a fault', () => {
    const answer = { permissionship: 2, checkedAt: { token: 'z' } };
    expect(parseTracedCheck(answer)).toMatchObject({ result: 'held', trace: undefined });
    expect(() => parseTracedCheck({ ...answer, permissionship: 0 })).toThrow(UnavailableError);
    expect(() => parseTracedCheck({ permissionship: 2 })).toThrow(UnavailableError);
  });

  it('bounds what a hostile engine can make of a trace', () => {
    type Trace = NonNullable<NonNullable<Parameters<typeof parseTracedCheck>[0]['debugTrace']>['check']>;
    const node = (traces: Trace[]): Trace => ({
      permission: 'read',
      permissionType: 2,
      result: 2,
      traceOperationId: '',
      source: '',
      resolution: { oneofKind: 'subProblems', subProblems: { traces } },
    });
    let deep = node([]);
    for (let depth = 0; depth < 10_000; depth += 1) deep = node([deep]);
    const wide = node(Array.from({ length: 50_000 }, () => node([])));
    const count = (each: TraceNode): number => each.children.reduce((sum, child) => sum + count(child), 1);
    for (const check of [deep, wide]) {
      const { trace: shown } = parseTracedCheck({
        permissionship: 2,
        checkedAt: { token: 'z' },
        debugTrace: { check, schemaUsed: '' },
      });
      expect(shown === undefined ? 0 : count(shown)).toBeLessThanOrEqual(5_000);
    }
  });
});
