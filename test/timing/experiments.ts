import { Operation } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { createRandom } from '../support/random.ts';
import type { Durations, Round, State } from './passes.ts';
import { STATES, timeFresh, timeWarm } from './passes.ts';
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

/**
 * What two classes are compared. `hidden`: denied and absent. The controls are of denied ones alone: `identical` are two
 * alike, and with `planted` one of them is slowed down.
 */
export type Question = 'identical' | 'planted' | 'hidden';

/** What is asked about, and by whom. */
interface Class {
  /** Undefined: it is absent. */
  readonly owner: Owner | undefined;
  /** What the user's id begins with. */
  readonly user: string;
}

const CLASSES = {
  'same account': { owner: 'same account', user: ORDINARY_USER },
  'same account again': { owner: 'same account', user: ORDINARY_USER },
  'same account, slowed': { owner: 'same account', user: SLOWED_USER },
  'other account': { owner: 'other account', user: ORDINARY_USER },
  absent: { owner: undefined, user: ORDINARY_USER },
} as const satisfies Record<string, Class>;
type ClassName = keyof typeof CLASSES;

/** Two classes that are compared. */
interface Compared {
  readonly question: Question;
  readonly owner: Owner;
  readonly classes: readonly [ClassName, ClassName];
}

const CONTROLS: readonly Compared[] = [
  { question: 'identical', owner: 'same account', classes: ['same account again', 'same account'] },
  { question: 'planted', owner: 'same account', classes: ['same account, slowed', 'same account'] },
];
const HIDDEN: readonly Compared[] = OWNERS.map((owner) => ({ question: 'hidden', owner, classes: [owner, 'absent'] }));

/** What is asked over one connection, in rounds of one request of each class. */
export interface Experiment {
  readonly transport: string;
  readonly kind: Kind;
  readonly compared: readonly Compared[];
}

/** What comes of an experiment for each of its comparisons in each state: two samples, in microseconds. */
export interface Measured extends Omit<Experiment, 'compared'>, Omit<Compared, 'classes'> {
  readonly state: State;
  readonly a: readonly number[];
  readonly b: readonly number[];
}

/** The controls, and what they are for. */
export function listExperiments(kinds: readonly Kind[] = KINDS): readonly Experiment[] {
  const transports = Object.keys(TRANSPORTS);
  const controls = transports.map((transport) => ({ transport, kind: kinds[0] ?? KINDS[0], compared: CONTROLS }));
  const hidden = kinds.flatMap((kind) => transports.map((transport) => ({ transport, kind, compared: HIDDEN })));
  return [...controls, ...hidden];
}

const WARM_ROUNDS = 16;

/** Runs experiments of so many rounds, each with ids and a principal of its own. */
export function createExperiments(world: World) {
  const takeIds = createIds();
  let principals = 0;

  return async ({ transport, kind, compared }: Experiment, count: number, seed: number) => {
    const { open, listener } = TRANSPORTS[transport] ?? {};
    if (open === undefined || listener === undefined) throw new Error(`no transport ${transport}`);
    const random = createRandom(seed);
    principals += 1;
    const who = String(principals).padStart(4, '0');
    const durationsOf = new Map<ClassName, Durations>();
    const classes: { readonly durations: Durations; readonly ids: readonly string[]; readonly userId: string }[] = [];
    for (const name of new Set(compared.flatMap(({ classes }) => classes))) {
      const { owner, user } = CLASSES[name];
      const ids = takeIds(count + WARM_ROUNDS);
      if (owner !== undefined) await insertResources(world.databases, ids, kind, owner);
      const durations = { cold: [], second: [], aged: [], warm: [] };
      durationsOf.set(name, durations);
      classes.push({ durations, ids, userId: `${user}${who}` });
    }
    using call = await open(world.addresses[listener], toRequest(`${ORDINARY_USER}${who}`, kind, takeIds(1)[0] ?? ''));
    const rounds = Array.from({ length: count + WARM_ROUNDS }, (_, at): Round =>
      classes.map(({ durations, ids, userId }) => ({
        encoded: call.encode(toRequest(userId, kind, ids[at] ?? '')),
        durations,
      })),
    );
    // Warm first: by then every connection is made, and whatever is compiled late is compiled.
    await timeWarm(call, rounds.slice(0, WARM_ROUNDS), count, random);
    await timeFresh(call, rounds.slice(WARM_ROUNDS), random);
    return compared.flatMap(({ question, owner, classes: [a, b] }) =>
      STATES.map((state): Measured => {
        const [ofA, ofB] = [a, b].map((name) => durationsOf.get(name)?.[state] ?? []);
        return { question, owner, transport, kind, state, a: ofA ?? [], b: ofB ?? [] };
      }),
    );
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
