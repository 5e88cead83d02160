import { setTimeout as delay } from 'node:timers/promises';
import type { CallContext, Relationship } from '../../src/authorize/ports.ts';
import { AuthorizationService, Decision, Operation, Role } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { user } from '../support/check-requests.ts';
import type { Outcome, TestClient } from '../support/transports.ts';
import type { Path, RoundPlan } from './plan.ts';
import type { Sidecar } from './sidecar.ts';
import type { World } from './world.ts';
import { messageOfRound, taskOfRound } from './world.ts';

const { checkTask, deregisterResource, grantRole, registerResource, revokeRole } = AuthorizationService.method;
const OWNER = user('alice');
/** So many ask at the same time that without a pause it would be the machine's limits that are measured. */
const PAUSE_MS = 20;
const CALL_TIMEOUT_MS = 10_000;
const MAX_ATTEMPTS = 5;
/** Longer than the 5.5 s for which a denial may be kept. */
const GRANT_TIMEOUT_MS = 15_000;

/** How long one sidecar still allowed what had been revoked. */
export interface Staleness {
  readonly sidecar: string;
  /** From the acknowledgement to the arrival of the last answer that allowed, asked after it; 0 if none did. */
  readonly staleMs: number;
  /** Answers that were asked after the acknowledgement, and how many of them were errors. */
  readonly asked: number;
  readonly errors: number;
  /** The slowest of them. What a slow machine adds to `staleMs` is less than this. */
  readonly slowestMs: number;
}

/** A role that both sidecars allow on, and are being asked about all the time. */
export interface HeldRole {
  readonly plan: RoundPlan;
  /** Asks for `afterMs`, revokes it, and asks on for `windowMs` after the acknowledgement. */
  revoke(times: { readonly afterMs: number; readonly windowMs: number }): Promise<readonly Staleness[]>;
  /** Asks once more: whether it is allowed. */
  isAllowed(sidecar: Sidecar): Promise<boolean>;
}

/** Registers the task of the round and grants the role. Resolves when both sidecars allow. @throws Error if they don't. */
export async function holdRole(world: World, plan: RoundPlan): Promise<HeldRole> {
  const viewer = `fresh-user-${plan.round}`;
  const task = { type: 'task', key: { case: 'id' as const, value: taskOfRound(plan.round) } };
  const role = { principal: OWNER, resource: task, role: Role.VIEWER, subject: subjectOf(viewer) };
  const clientOf = (path: Path): TestClient => world.sidecars[path === 'b' ? 1 : 0].client;
  const ask = async (sidecar: Sidecar, token?: string): Promise<boolean | 'error'> => {
    const id = plan.asked === 'task' ? taskOfRound(plan.round) : messageOfRound(plan.round);
    const outcome = await sidecar.client.call(
      checkTask,
      {
        principal: user(viewer),
        resource: { type: plan.asked, key: { case: 'id', value: id } },
        operation: Operation.READ,
        ...(token === undefined ? {} : { consistency: { requirement: { case: 'atLeastAsFresh', value: token } } }),
      },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    return outcome.kind === 'error' ? 'error' : outcome.message.decision === Decision.ALLOWED;
  };

  await change(async () => clientOf(plan.grantedThrough).call(registerResource, { principal: OWNER, resource: task }));
  // A denial that is kept is the harder case.
  await Promise.all(world.sidecars.map(async (sidecar) => ask(sidecar)));
  const relationship = toRelationship(plan.round, viewer);
  if (plan.grantedThrough === 'spicedb') await world.writer.write({ touch: [relationship] }, callContext());
  else await change(async () => clientOf(plan.grantedThrough).call(grantRole, role));
  const until = performance.now() + GRANT_TIMEOUT_MS;
  for (const sidecar of world.sidecars) {
    while ((await ask(sidecar)) !== true) {
      if (performance.now() > until) throw new Error(`round ${plan.round}: ${sidecar.name} never saw the grant`);
      await delay(PAUSE_MS);
    }
  }

  const revokeThrough = async (): Promise<string> => {
    const { revocation, revokedThrough } = plan;
    if (revokedThrough !== 'spicedb') {
      const client = clientOf(revokedThrough);
      const answer =
        revocation === 'revoke'
          ? await change(async () => client.call(revokeRole, role))
          : await change(async () => client.call(deregisterResource, { principal: OWNER, resource: task }));
      return answer.writtenAt;
    }
    const written =
      revocation === 'revoke'
        ? await world.writer.write({ remove: [relationship] }, callContext())
        : await world.writer.removeAll({ object: relationship.object }, {}, callContext());
    if (written.kind === 'refused') throw new Error('refused without a condition');
    return written.writtenAt;
  };
  return {
    plan,
    isAllowed: async (sidecar) => (await ask(sidecar)) === true,
    async revoke({ afterMs, windowMs }) {
      const asking = new Hammer(world.sidecars, async (sidecar, token) => ask(sidecar, token));
      await delay(afterMs);
      const token = await revokeThrough();
      return asking.revoked(plan.asksForToken ? token : undefined, windowMs);
    },
  };
}

/** Asks all sidecars again and again, from when it is made. */
class Hammer {
  readonly #asking: readonly Promise<Staleness>[];
  #ackedAtMs = Infinity;
  #endsAtMs = Infinity;
  #token: string | undefined;

  constructor(
    sidecars: readonly Sidecar[],
    ask: (sidecar: Sidecar, token: string | undefined) => Promise<boolean | 'error'>,
  ) {
    this.#asking = sidecars.map(async (sidecar) => this.#askAlways(sidecar, ask));
  }

  /** From now on answers count. Resolves after `windowMs`. */
  async revoked(token: string | undefined, windowMs: number): Promise<readonly Staleness[]> {
    this.#ackedAtMs = performance.now();
    this.#endsAtMs = this.#ackedAtMs + windowMs;
    this.#token = token;
    return Promise.all(this.#asking);
  }

  async #askAlways(
    sidecar: Sidecar,
    ask: (sidecar: Sidecar, token: string | undefined) => Promise<boolean | 'error'>,
  ): Promise<Staleness> {
    let staleMs = 0;
    let asked = 0;
    let errors = 0;
    let slowestMs = 0;
    for (;;) {
      const sentAtMs = performance.now();
      if (sentAtMs > this.#endsAtMs) return { sidecar: sidecar.name, staleMs, asked, errors, slowestMs };
      const answer = await ask(sidecar, this.#token);
      if (sentAtMs >= this.#ackedAtMs) {
        asked += 1;
        slowestMs = Math.max(slowestMs, performance.now() - sentAtMs);
        if (answer === 'error') errors += 1;
        if (answer === true) staleMs = performance.now() - this.#ackedAtMs;
      }
      await delay(PAUSE_MS);
    }
  }
}

function subjectOf(viewer: string) {
  return { subject: { case: 'userId' as const, value: viewer } };
}

function toRelationship(round: number, viewer: string): Relationship {
  return {
    object: { kind: 'resource', type: 'task', id: taskOfRound(round) },
    relation: 'viewer',
    subject: { kind: 'principal', principalKind: 'user', id: viewer },
  };
}

/** Every change may be made again, and on a loaded machine must be: what counts is when it is acknowledged. */
async function change<T>(call: () => Promise<Outcome<T>>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await call();
    if (outcome.kind === 'message') return outcome.message;
    if (attempt === MAX_ATTEMPTS) throw new Error(`a change failed: ${outcome.code}`);
  }
}

function callContext(): CallContext {
  return { signal: new AbortController().signal, deadlineAtMs: Date.now() + CALL_TIMEOUT_MS };
}
