import type { Server } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import express from 'express';
import type { Express, Request } from 'express';
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { requireTask as requireTaskInExpress } from '../../clients/typescript/src/express.ts';
import { requireTask as requireTaskInFastify } from '../../clients/typescript/src/fastify.ts';
import type { CouldNotTellError } from '../../clients/typescript/src/errors.ts';
import type { TaskgateClient } from '../../clients/typescript/src/client.ts';

/** An application with one protected route, `/messages/:id`, or below `/v1`. */
export interface Application extends AsyncDisposable {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** What the protected handler was given; it must stay as it is when nothing is allowed. */
  readonly handled: readonly unknown[];
  /** What was told of 503s. */
  readonly notTold: readonly CouldNotTellError[];
}

export interface ApplicationKind {
  readonly name: string;
  /** Before `/messages/:id`. */
  readonly prefix: string;
  readonly start: (client: TaskgateClient) => Promise<Application>;
}

/** What a test watches. */
interface Watched {
  readonly handled: unknown[];
  readonly notTold: CouldNotTellError[];
}

type Handle = (request: Request, response: express.Response) => void;

/** The user comes in a header, as if a gateway had authenticated it. */
const principalOf = (user: unknown) => {
  if (typeof user !== 'string') throw new Error('nobody is signed in');
  return { userId: user, accountId: 'acme' };
};

const OWN_404 = { code: 'no_such_thing' };

export const APPLICATIONS: readonly ApplicationKind[] = [
  fastifyApplication('Fastify', '', (app, protect) => protect(app)),
  fastifyApplication('Fastify with a 404 of its own', '', (app, protect) => {
    app.setNotFoundHandler(async (_, reply) => reply.code(404).send(OWN_404));
    protect(app);
  }),
  fastifyApplication('Fastify with a prefix that has a 404 of its own', '/v1', (app, protect) => {
    void app.register(
      async (inner) => {
        inner.setNotFoundHandler(async (_, reply) => reply.code(404).send(OWN_404));
        protect(inner);
      },
      { prefix: '/v1' },
    );
  }),
  expressApplication('Express', '', (app, { gate, handle }) => app.get('/messages/:id', gate(), handle)),
  expressApplication('Express with a 404 of its own', '', (app, { gate, handle }) => {
    const notFound = (_: Request, response: express.Response) => response.status(404).json(OWN_404);
    app.get('/messages/:id', gate(notFound), handle);
    app.use(notFound);
  }),
  expressApplication('Express with the check on a path, before a route that takes anything', '', (app, parts) => {
    app.use('/messages/:id', parts.gate());
    app.get('/messages/:id', parts.handle);
  }),
  expressApplication('Express with a router, and a second route for the same path', '/v1', (app, { gate, handle }) => {
    const router = express.Router();
    router.get('/messages/:id', gate(), handle);
    router.get('/messages/:other', handle);
    app.use('/v1', router);
    app.get('/v1/messages/:again', handle);
  }),
];

function fastifyApplication(
  name: string,
  prefix: string,
  build: (app: FastifyInstance, protect: (app: FastifyInstance) => void) => void,
): ApplicationKind {
  return {
    name,
    prefix,
    async start(client) {
      const watched: Watched = { handled: [], notTold: [] };
      const app = Fastify();
      build(app, (scope) => {
        const preHandler = requireTaskInFastify<{ Params: { id: string } }>(client, {
          principal: (request) => principalOf(request.headers['x-user']),
          resource: ({ params }) => ({ type: 'message', id: params.id }),
          operation: 'read',
          retryAfterSeconds: 3,
          onCouldNotTell: (error) => watched.notTold.push(error),
        });
        scope.get<{ Params: { id: string } }>('/messages/:id', { preHandler }, (request, reply) => {
          watched.handled.push(request.taskgate);
          void reply.send({ read: true });
        });
      });
      await app.listen({ port: 0, host: '127.0.0.1' });
      return { address: addressOf(app.server), ...watched, [Symbol.asyncDispose]: async () => app.close() };
    },
  };
}

function expressApplication(
  name: string,
  prefix: string,
  build: (
    app: Express,
    parts: { gate: (notFound?: Handle) => express.RequestHandler; readonly handle: Handle },
  ) => void,
): ApplicationKind {
  return {
    name,
    prefix,
    async start(client) {
      const watched: Watched = { handled: [], notTold: [] };
      const app = express();
      build(app, {
        gate: (notFound) =>
          requireTaskInExpress(client, {
            principal: (request) => principalOf(request.headers['x-user']),
            resource: ({ params }) => ({ type: 'message', id: params['id'] as string }),
            operation: 'read',
            retryAfterSeconds: 3,
            onCouldNotTell: (error) => watched.notTold.push(error),
            ...(notFound === undefined ? {} : { notFound }),
          }),
        handle(request, response) {
          watched.handled.push(request.taskgate);
          response.json({ read: true });
        },
      });
      app.use((_error: unknown, _request: Request, response: express.Response, _next: express.NextFunction) => {
        response.status(500).json({ code: 'internal' });
      });
      const server = createServer(app).listen(0, '127.0.0.1');
      await once(server, 'listening');
      return {
        address: addressOf(server),
        ...watched,
        async [Symbol.asyncDispose]() {
          server.closeAllConnections();
          server.close();
          await once(server, 'close');
        },
      };
    },
  };
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `127.0.0.1:${address.port}`;
}
