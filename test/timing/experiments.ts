import { Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createRandom } from '../support/random.ts';
import type { FreshState, Pair, Sample } from './passes.ts';
import { timeFresh, timeWarm } from './passes.ts';
import { ORDINARY_USER, SLOWED_USER } from './plant.ts';
import type { Kind, Owner } from './resources.ts';
import { ACCOUNT, createIds, insertResources, KINDS, OWNERS } from './resources.ts';
import type { CheckRequest, OpenTimedCall } from './timed-call.ts';
import { openConnectCall, openGrpcCall } from './timed-call.ts';
import type { World } from './world.ts';

export const TRANSPORTS: Readonly<
  Record<string, { readonly open: OpenTimedCall; readonly listener: 'grpc' | 'http' }>
> = {
  gRPC: { open: openGrpcCall, listener: 'grpc' },
  Connect: { open: openConnectCall, listener: 'http' },
};

export const STATES = ['cold', 'second', 'aged', 'warm'] as const satisfies readonly (FreshState | 'warm')[];
export type State = (typeof STATES)[number];

/**
 * What two classes are compared. `hidden`: denied and absent. The controls are of denied ones alone: `identical` are two
 * alike, and with `planted` one of them is slowed down.
 */
export type Question = 'identical' | 'planted' | 'hidden';

/** What is asked, over one connection; one comparison for each state comes of it. */
export interface Experiment {
  readonly question: Question;
  readonly transport: string;
  readonly kind: Kind;
  readonly owner: Owner;
}

/** The controls, and what they are for. */
export function listExperiments(kinds: readonly Kind[] = KINDS): readonly Experiment[] {
  const transports = Object.keys(TRANSPORTS);
  const controls = (['identical', 'planted'] as const).flatMap((question) =>
    transports.map((transport) => ({ question, transport, kind: kinds[0] ?? KINDS[0], owner: OWNERS[0] })),
  );
  const hidden = kinds.flatMap((kind) =>
    OWNERS.flatMap((owner) => transports.map((transport) => ({ question: 'hidden' as const, transport, kind, owner }))),
  );
  return [...controls, ...hidden];
}

const WARM_PAIRS = 16;

/** Runs experiments, each with ids and a principal of its own. */
export function createExperiments(world: World) {
  const takeIds = createIds();
  let principals = 0;

  return async ({ question, transport, kind, owner }: Experiment, pairs: number, seed: number) => {
    const { open, listener } = TRANSPORTS[transport] ?? {};
    if (open === undefined || listener === undefined) throw new Error(`no transport ${transport}`);
    const random = createRandom(seed);
    principals += 1;
    const who = String(principals).padStart(4, '0');
    const total = pairs + WARM_PAIRS;
    const idsOfA = takeIds(total);
    const idsOfB = takeIds(total);
    await insertResources(world.databases, idsOfA, kind, owner);
    if (question !== 'hidden') await insertResources(world.databases, idsOfB, kind, owner);
    const userOfA = `${question === 'planted' ? SLOWED_USER : ORDINARY_USER}${who}`;
    using call = await open(world.addresses[listener], toRequest(userOfA, kind, idsOfA[0] ?? ''));
    const all = idsOfA.map((id, index): Pair => ({
      a: call.encode(toRequest(userOfA, kind, id)),
      b: call.encode(toRequest(`${ORDINARY_USER}${who}`, kind, idsOfB[index] ?? '')),
    }));
    // Warm first: by then every connection is made, and whatever is compiled late is compiled.
    const warm = await timeWarm(call, all.slice(0, WARM_PAIRS), pairs, random);
    const samples: Record<State, Sample> = { ...(await timeFresh(call, all.slice(WARM_PAIRS), random)), warm };
    return samples;
  };
}

function toRequest(userId: string, kind: Kind, id: string): CheckRequest {
  return {
    principal: { subject: { case: 'userId', value: userId }, accountId: ACCOUNT },
    resource: {
      type: kind === 'message' ? 'message' : 'task',
      key: { case: kind === 'name' ? 'name' : 'id', value: id },
    },
    operation: Operation.READ,
  };
}
