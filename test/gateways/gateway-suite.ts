import { createHash, randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Echo, EchoApplication } from '../support/echo-application.ts';
import { startEchoApplication } from '../support/echo-application.ts';
import type { HttpExchange, HttpRequest } from '../support/exchange-http.ts';
import { exchangeHttp, valuesOf } from '../support/exchange-http.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startFaultProxy, toProxyTarget } from '../support/fault-proxy.ts';
import type { GatewayTaskgate } from '../support/gateway-taskgate.ts';
import { startGatewayTaskgate } from '../support/gateway-taskgate.ts';
import type { GatewayKind, RunningGateway } from '../support/gateways.ts';
import { findGateway, startGateway } from '../support/gateways.ts';

/** Client → the real gateway → the application, and taskgate behind a proxy that can fail. */
export interface GatewayWorld {
  readonly gateway: RunningGateway;
  readonly taskgate: GatewayTaskgate;
  readonly link: FaultProxy;
  readonly application: EchoApplication;
  readonly ask: (request: Partial<HttpRequest> & { readonly as?: keyof typeof PEOPLE }) => Promise<HttpExchange>;
}

export interface GatewayTraits {
  /** Statuses of an answer that is an error: of no answer, of an answer that is none. */
  readonly faultStatuses: readonly number[];
}

export const PEOPLE = {
  alice: ['alice', 'acme'],
  carol: ['carol', 'acme'],
  dave: ['dave', 'acme'],
  mallory: ['mallory', 'globex'],
} as const;
export const IDENTITY = [
  'x-taskgate-principal-kind',
  'x-taskgate-principal-id',
  'x-taskgate-account-id',
  'x-taskgate-task-id',
] as const;

/** Time within which a gateway must have given taskgate up: its own time-out is 3 s. */
const GIVEN_UP_MS = 6_000;
const BODY_BYTES = 3 * 1024 * 1024;
const QUESTIONS = 40;

export function echoOf({ body }: HttpExchange): Echo {
  return JSON.parse(body) as Echo;
}

/** The identity headers that the application got: all values of each, without those that are empty. */
export function identityOf(exchange: HttpExchange): readonly string[] {
  return IDENTITY.flatMap((name) => valuesOf(echoOf(exchange), name)).filter((value) => value !== '');
}

/** Everything but what differs in every answer. */
export function bytesOf({ status, headers, body }: HttpExchange): unknown {
  const changing = new Set(['date', 'taskgate-decision-id']);
  return { status, headers: headers.filter(([name]) => !changing.has(name.toLowerCase())), body };
}

/** What must hold whichever gateway it is. */
export function describeGateway(kind: GatewayKind, traits: GatewayTraits): void {
  const binary = findGateway(kind);
  if (binary === undefined) {
    const why = `${kind} is not there: scripts/install-gateways.sh installs it`;
    it.skipIf(process.env['CI'] === undefined)(why, () => expect.fail(why));
    return;
  }
  describe(`behind ${kind}`, () => {
    let world: GatewayWorld;
    const opened = new AsyncDisposableStack();
    beforeAll(async () => {
      world = await startWorld(kind, binary, opened);
    });
    afterAll(async () => opened.disposeAsync());
    describeAnswers(() => world, traits);
    describeForgery(() => world);
    describeTargets(() => world, traits);
    describeTraffic(() => world);
    describeFaults(() => world, traits);
  });
}

async function startWorld(kind: GatewayKind, binary: string, opened: AsyncDisposableStack): Promise<GatewayWorld> {
  const taskgate = opened.use(await startGatewayTaskgate(kind));
  const link = opened.use(await startFaultProxy(toProxyTarget(taskgate.address)));
  const application = opened.use(await startEchoApplication());
  const addresses = { taskgate: link.address, application: application.address };
  const gateway = opened.use(await startGateway(kind, binary, addresses));
  return {
    gateway,
    taskgate,
    link,
    application,
    async ask({ as, target = '/tasks/task-1', headers = [], ...request }) {
      const authorization =
        as === undefined
          ? []
          : [['authorization', await taskgate.authorizationOf(PEOPLE[as][0], PEOPLE[as][1])] as const];
      return exchangeHttp(gateway.address, { target, headers: [...authorization, ...headers], ...request });
    },
  };
}

function describeAnswers(world: () => GatewayWorld, { faultStatuses }: GatewayTraits): void {
  describe('an answer', () => {
    it("is the application's where taskgate allows, who learns who asks", async () => {
      const answer = await world().ask({ as: 'alice' });
      expect(answer.status).toBe(200);
      expect(valuesOf(answer, 'x-application')).toEqual(['echo']);
      expect(identityOf(answer)).toEqual(['user', 'alice', 'acme', 'task-1']);
    });

    it("is the same bytes for denied, absent, another tenant's and no route, and the application hears of none", async () => {
      const before = world().application.requests;
      const denied = await world().ask({ as: 'dave' });
      expect(denied).toMatchObject({ status: 404, body: '{"error":"not found"}' });
      expect(valuesOf(denied, 'content-type')).toEqual(['application/json']);
      for (const target of ['/tasks/no-such-task', '/tasks/task-9', '/no/such/route', '/tasks/task-1?a=b']) {
        expect(bytesOf(await world().ask({ as: 'dave', target })), target).toEqual(bytesOf(denied));
      }
      expect(bytesOf(await world().ask({ as: 'mallory' }))).toEqual(bytesOf(denied));
      expect(world().application.requests).toBe(before);
    });

    it.each(['HEAD', 'POST', 'DELETE'])('to %s is the same bytes for denied and absent', async (method) => {
      const body = method === 'POST' ? { body: 'x'.repeat(10_000) } : {};
      const denied = await world().ask({ as: 'dave', method, ...body });
      expect(denied.status).toBe(404);
      expect(bytesOf(await world().ask({ as: 'dave', target: '/tasks/gone', method, ...body }))).toEqual(
        bytesOf(denied),
      );
    });

    it('is 401 with a challenge without a principal, whatever is asked', async () => {
      const unknown = await world().ask({});
      expect(unknown).toMatchObject({ status: 401, body: '{"error":"unauthenticated"}' });
      expect(valuesOf(unknown, 'www-authenticate')).toEqual(['Bearer']);
      expect(bytesOf(await world().ask({ target: '/tasks/gone' }))).toEqual(bytesOf(unknown));
    });

    it('is 401 where two principals are named', async () => {
      const { ask, taskgate } = world();
      const second = ['authorization', await taskgate.authorizationOf(...PEOPLE.mallory)] as const;
      // nginx refuses the second before it asks.
      expect([400, 401]).toContain((await ask({ as: 'alice', headers: [second] })).status);
    });

    it('of the application passes as it is, also where its status means something here', async () => {
      for (const status of [401, 403, 404, 500]) {
        const answer = await world().ask({ as: 'alice', headers: [['x-answer', String(status)]] });
        expect(answer.status).toBe(status);
        expect(valuesOf(answer, 'x-application')).toEqual(['echo']);
      }
    });

    it('is an error where it could not be told', async () => {
      const { ask, taskgate, application } = world();
      const before = application.requests;
      await taskgate.setStores('down');
      try {
        expect(faultStatuses).toContain((await ask({ as: 'alice' })).status);
        expect(faultStatuses).toContain((await ask({ as: 'dave' })).status);
      } finally {
        await taskgate.setStores('ok');
      }
      expect(application.requests).toBe(before);
    });
  });
}

function describeForgery(world: () => GatewayWorld): void {
  const forged = IDENTITY.map((name) => [name, 'forged'] as const);
  const underscored = IDENTITY.map((name) => [name.replaceAll('-', '_'), 'forged'] as const);
  const mixed = IDENTITY.map((name) => [name.replace('-', '_').toUpperCase(), 'forged'] as const);

  /** Every header that reaches the application and was made up by the client. */
  function forgedOf(exchange: HttpExchange): unknown {
    return echoOf(exchange).headers.filter(([, value]) => value.includes('forged'));
  }

  describe("a client's own", () => {
    it.each([
      ['identity headers', forged],
      ['identity headers in other spellings', [...underscored, ...mixed]],
      ['identity headers, twice', [...forged, ...forged]],
      ['caller token', [['taskgate-authorization', 'Bearer forged'] as const]],
    ])('%s do not reach the application', async (_, headers) => {
      const allowed = await world().ask({ as: 'alice', headers });
      expect(allowed.status).toBe(200);
      expect(identityOf(allowed)).toEqual(['user', 'alice', 'acme', 'task-1']);
      expect(forgedOf(allowed)).toEqual([]);
      const open = await world().ask({ target: '/public', headers });
      expect(open.status).toBe(200);
      expect(identityOf(open)).toEqual([]);
      expect(forgedOf(open)).toEqual([]);
    });

    it.each([
      ['x-taskgate-user-id', 'x-taskgate-account-id'],
      ['X-Taskgate-User-ID', 'X-TASKGATE-account-id'],
      ['x_taskgate_user_id', 'x_taskgate_account_id'],
      ['x-taskgate-agent-id', 'x-taskgate-account-id'],
      ['x-taskgate-service-account-id', 'x-taskgate-account-id'],
    ])('%s makes nobody of it, though taskgate would believe the gateway', async (id, account) => {
      const headers = [[id, 'alice'], [account, 'acme']] as const; // prettier-ignore
      expect((await world().ask({ headers })).status).toBe(401);
      expect((await world().ask({ as: 'dave', headers })).status).toBe(404);
      const allowed = await world().ask({ as: 'alice', headers: [[id, 'mallory'], [account, 'globex']] }); // prettier-ignore
      expect(allowed.status).toBe(200);
      expect(identityOf(allowed)).toEqual(['user', 'alice', 'acme', 'task-1']);
      expect(valuesOf(echoOf(allowed), id.toLowerCase())).toEqual([]);
    });

    it.each([
      ['x-forwarded-uri', 'x-forwarded-method'],
      ['x-original-uri', 'x-original-method'],
      ['X-Forwarded-URI', 'X-Forwarded-METHOD'],
      ['x_forwarded_uri', 'x_forwarded_method'],
      ['x_original_uri', 'x_original_method'],
    ])('%s changes nothing of what is asked', async (uri, method) => {
      const headers = [[uri, '/public'], [method, 'GET']] as const; // prettier-ignore
      expect((await world().ask({ as: 'dave', headers })).status).toBe(404);
      expect((await world().ask({ as: 'dave', headers: [...headers, ...headers] })).status).toBe(404);
      expect((await world().ask({ headers })).status).toBe(401);
      const allowed = await world().ask({ as: 'alice', headers });
      expect(allowed.status).toBe(200);
      expect(valuesOf(echoOf(allowed), uri.toLowerCase())).toEqual([]);
    });

    it('list of headers of the connection takes no identity from the request', async () => {
      const connection = ['connection', [...IDENTITY, 'x-forwarded-uri', 'x-original-uri'].join(', ')] as const;
      const allowed = await world().ask({ as: 'alice', headers: [connection] });
      expect(identityOf(allowed)).toEqual(['user', 'alice', 'acme', 'task-1']);
      expect((await world().ask({ as: 'dave', headers: [connection] })).status).toBe(404);
    });

    it('path to the door does not lead there', async () => {
      for (const target of ['/forward-auth', '/taskgate-forward-auth']) {
        const answer = await world().ask({ target, headers: [['x-original-uri', '/public'], ['x-forwarded-uri', '/public']] }); // prettier-ignore
        expect([401, 404]).toContain(answer.status);
        for (const name of IDENTITY) expect(valuesOf(answer, name)).toEqual([]);
      }
    });
  });
}

function describeTargets(world: () => GatewayWorld, { faultStatuses }: GatewayTraits): void {
  describe('a target', () => {
    it.each(['/tasks/task-1?q=%2F%00&q=2', '/tasks/%74ask-1', '/tasks/task-1?a=/../public'])(
      '%s is judged as the application gets it',
      async (target) => {
        const answer = await world().ask({ as: 'alice', target });
        expect(answer.status).toBe(200);
        expect(echoOf(answer).target).toBe(target);
      },
    );

    it.each([
      '/public/../tasks/task-1',
      '//public',
      '/public/',
      '/tasks/task%2F1',
      '/tasks/%2574ask-1',
      '/public%2F..%2Ftasks%2Ftask-1',
      '/tasks/task-1/../../public',
      '/./public',
      '/public;/../tasks/task-1',
      '/public#/tasks/task-1',
      '/tasks/task-1%00',
    ])('%s is no other one', async (target) => {
      const before = world().application.requests;
      const answer = await world().ask({ as: 'dave', target });
      expect([400, 404]).toContain(answer.status);
      expect(world().application.requests).toBe(before);
    });

    it('that is a whole URL is judged by its path', async () => {
      const answer = await world().ask({ as: 'alice', target: 'http://application.example/tasks/task-1' });
      if (answer.status === 200) expect(echoOf(answer).target).toBe('/tasks/task-1');
      else expect(answer.status).toBe(400);
      const denied = await world().ask({ as: 'dave', target: 'http://public/tasks/task-1' });
      expect([400, 404]).toContain(denied.status);
    });

    it('of a megabyte is refused', async () => {
      const before = world().application.requests;
      const target = `/tasks/${'a'.repeat(1024 * 1024)}`;
      // Who is refused in the middle of it may find the connection closed before it has read why.
      const status = await world()
        .ask({ as: 'alice', target })
        .then((answer) => answer.status, () => 'closed'); // prettier-ignore
      expect(['closed', 400, 414, 431, ...faultStatuses]).toContain(status);
      expect(world().application.requests).toBe(before);
    });
  });
}

function describeTraffic(world: () => GatewayWorld): void {
  describe('a request', () => {
    it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
      'by %s is passed on by it',
      async (method) => {
        const answer = await world().ask({ as: 'alice', method });
        expect(answer.status).toBe(200);
        if (method !== 'HEAD') expect(echoOf(answer)).toMatchObject({ method, target: '/tasks/task-1' });
      },
    );

    it('is judged by its method', async () => {
      expect((await world().ask({ as: 'carol', method: 'GET' })).status).toBe(200);
      expect([403, 404]).toContain((await world().ask({ as: 'carol', method: 'DELETE' })).status);
    });

    it('keeps a large body', async () => {
      const body = randomBytes(BODY_BYTES);
      const answer = await world().ask({ as: 'alice', method: 'POST', body });
      expect(answer.status).toBe(200);
      expect(echoOf(answer).sha256).toBe(createHash('sha256').update(body).digest('hex'));
    });

    it('that is denied leaves its connection usable, however large its body', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        const body = randomBytes(BODY_BYTES);
        expect((await world().ask({ as: 'dave', method: 'POST', body, agent })).status).toBe(404);
        expect((await world().ask({ as: 'alice', agent })).status).toBe(200);
      } finally {
        agent.destroy();
      }
    });

    it("gets nobody else's identity on the same connection", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        expect(identityOf(await world().ask({ as: 'alice', agent }))).toHaveLength(4);
        expect(identityOf(await world().ask({ target: '/public', agent }))).toEqual([]);
        expect((await world().ask({ as: 'dave', agent })).status).toBe(404);
        expect((await world().ask({ agent })).status).toBe(401);
      } finally {
        agent.destroy();
      }
    });

    it('is asked about on a connection that is kept', async () => {
      const { ask, link } = world();
      const before = link.accepted;
      for (let at = 0; at < QUESTIONS; at += 1) await ask({ as: at % 2 === 0 ? 'alice' : 'dave' });
      expect(link.accepted - before).toBeLessThan(QUESTIONS / 4);
    });
  });
}

function describeFaults(world: () => GatewayWorld, { faultStatuses }: GatewayTraits): void {
  describe('while taskgate', () => {
    it.each(['refuse', 'reset', 'hang', 'garbage'] as const)(
      'does not answer (%s), nobody is allowed or told "not found", in time',
      async (mode) => {
        const { ask, link, application } = world();
        const before = application.requests;
        const startedAtMs = performance.now();
        await link.setMode(mode);
        try {
          const answers = await Promise.all([ask({ as: 'alice' }), ask({ as: 'dave' }), ask({ target: '/public' })]);
          for (const { status } of answers) expect(faultStatuses).toContain(status);
          expect(performance.now() - startedAtMs).toBeLessThan(GIVEN_UP_MS);
        } finally {
          await link.setMode('ok');
        }
        expect(application.requests).toBe(before);
        await expect.poll(async () => (await ask({ as: 'alice' })).status, { timeout: 5_000 }).toBe(200);
      },
    );

    it('is cut off in the middle of its answers, nobody is told anything that is wrong', async () => {
      const { ask, link } = world();
      await link.setMode('cut');
      try {
        for (let at = 0; at < 5; at += 1) {
          // The first answer on a connection comes whole.
          expect([200, ...faultStatuses]).toContain((await ask({ as: 'alice' })).status);
          expect([404, ...faultStatuses]).toContain((await ask({ as: 'dave' })).status);
        }
      } finally {
        await link.setMode('ok');
      }
    });

    it('takes longer than the gateway waits, nobody is allowed', async () => {
      const { ask, taskgate, application } = world();
      const before = application.requests;
      await taskgate.setStores('held');
      try {
        expect(faultStatuses).toContain((await ask({ as: 'alice' })).status);
      } finally {
        await taskgate.setStores('ok');
      }
      expect(application.requests).toBe(before);
    });
  });
}
