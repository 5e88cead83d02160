import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { OperatorState } from '../authorize/ports-explain.ts';
import type { GetStateResponse } from '../gen/taskgate/admin/v1/admin_pb.js';
import { GetStateResponseSchema } from '../gen/taskgate/admin/v1/admin_pb.js';

const MAX_UINT32 = 4_294_967_295;

export function fromState(state: OperatorState, nowMs: number): GetStateResponse {
  const { ready, dependencies, breakers, caches, watch, flags, latencies, rollout } = state;
  return create(GetStateResponseSchema, {
    ready,
    dependencies,
    breakers,
    caches: [...caches],
    watch: {
      following: watch.isFollowing,
      changedObjects: watch.changedObjects,
      ...(watch.lastWordMs === undefined ? {} : { lastWordMs: Math.min(watch.lastWordMs, MAX_UINT32) }),
    },
    flags,
    latencies: latencies.map(({ method, transport, upperBoundsMs, counts }) => ({
      method,
      transport,
      upperBoundsMs: [...upperBoundsMs],
      counts: counts.map(BigInt),
    })),
    now: timestampFromMs(nowMs),
    rollout: {
      provider: rollout.provider,
      problem: rollout.problem ?? '',
      safeDefault: rollout.safeDefault,
      gates: rollout.rows.map(({ account = '', types, enforcement, dualWrite }) => ({
        account,
        types: [...types],
        enforcement,
        dualWrite,
      })),
      accountsLeftOut: rollout.accountsLeftOut,
    },
  });
}
