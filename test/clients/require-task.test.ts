import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTaskgateClient } from '../../clients/typescript/src/client.ts';
import { CouldNotTellError, MisuseError } from '../../clients/typescript/src/errors.ts';
import { assertHidesIds } from '../../clients/typescript/src/testing.ts';
import { exchangeHttp1 } from '../support/raw-exchange.ts';
import { useTaskgate } from '../support/taskgate.ts';
import type { Application } from './applications.ts';
import { APPLICATIONS } from './applications.ts';
import type { StagedClient } from './support.ts';
import { stageClient, startSilentPort } from './support.ts';

const gate = useTaskgate();
/** Every id of the sample data that a denial could tell. */
const IDS = ['task-1', 'task-9', 'agent-1', 'agent-9', 'alice', 'globex'];

describe.each(APPLICATIONS)('requireTask in $name', ({ prefix, start }) => {
  let staged: StagedClient;
  let application: Application;
  const opened = new AsyncDisposableStack();
  beforeAll(async () => {
    const options = { transport: 'connect', baseUrl: `http://${gate().addresses.http}`, timeoutMs: 5_000 } as const;
    staged = stageClient(opened.use(createTaskgateClient(options)));
    application = opened.use(await start(staged.client));
  });
  afterEach(() => staged.stage(undefined));
  afterAll(async () => opened.disposeAsync());

  const get = async (path: string, headers: Readonly<Record<string, string>> = { 'x-user': 'dave' }) =>
    exchangeHttp1(`http://${application.address}${prefix}${path}`, { method: 'GET', headers });

  /** Every byte that comes back, but the time of day. */
  async function bytesOf(path: string): Promise<string> {
    const [host, port] = application.address.split(':');
    const socket = connect(Number(port), host);
    socket.write(`GET ${prefix}${path} HTTP/1.1\r\nhost: here\r\nx-user: dave\r\nconnection: close\r\n\r\n`);
    return (await text(socket)).replace(/\r\ndate: [^\r]+/i, '');
  }

  /** Asks, and proves that the protected handler did not run. */
  async function refused(path: string, headers?: Readonly<Record<string, string>>) {
    const before = application.handled.length;
    const answer = await get(path, headers);
    expect(application.handled).toHaveLength(before);
    return answer;
  }

  it('lets through what is allowed, and tells the handler which task', async () => {
    const { status, body } = await get('/messages/msg-1', { 'x-user': 'alice' });
    expect([status, body]).toEqual([200, '{"read":true}']);
    expect(application.handled.at(-1)).toEqual({ taskId: 'task-1', checkedAt: expect.stringMatching(/./) });
  });

  it('answers denied, absent and a route that is not there with the same bytes', async () => {
    const before = application.handled.length;
    const unrouted = (await bytesOf('/massages/msg-1')).replaceAll('massages', 'messages');
    expect(unrouted).toMatch(/^HTTP\/1\.1 404 /);
    expect(await bytesOf('/messages/msg-1')).toBe(unrouted);
    expect((await bytesOf('/messages/msg-7')).replaceAll('msg-7', 'msg-1')).toBe(unrouted);
    expect((await bytesOf('/messages/msg-9')).replaceAll('msg-9', 'msg-1')).toBe(unrouted);
    expect(application.handled).toHaveLength(before);
  });

  it.each(['msg-1', 'msg-9', 'no-such-msg'])('tells no id that was not asked for: %s', async (id) => {
    const response = await refused(`/messages/${id}`);
    expect(response.status).toBe(404);
    assertHidesIds({ url: `${prefix}/messages/${id}`, headers: { 'x-user': 'dave' } }, response, { ids: IDS });
  });

  it('answers 403 to what is forbidden', async () => {
    staged.stage(async () => ({ kind: 'forbidden' }));
    const response = await refused('/messages/msg-1');
    expect(response.status).toBe(403);
    assertHidesIds('/messages/msg-1', response, { ids: IDS });
  });

  it('answers 503 when nothing could be told, and says when to try again', async () => {
    const error = new CouldNotTellError('unavailable');
    staged.stage(async () => {
      throw error;
    });
    const { status, headers, body } = await refused('/messages/msg-1');
    expect([status, headers['retry-after']]).toEqual([503, '3']);
    expect(body).not.toMatch(/taskgate|unavailable"/);
    expect(application.notTold.at(-1)).toBe(error);
  });

  it.each([
    ['a wrong check', new MisuseError('resource.id: wrong')],
    ['a defect', new TypeError('undefined is not a function')],
  ])('answers 500 to %s', async (_, error) => {
    staged.stage(async () => {
      throw error;
    });
    expect((await refused('/messages/msg-1')).status).toBe(500);
  });

  it('answers 500 to what taskgate refuses, and to nobody', async () => {
    expect((await refused('/messages/*')).status).toBe(500);
    expect((await refused('/messages/msg-1', {})).status).toBe(500);
  });

  it('ends the call with the connection of whoever asked', async () => {
    const held = Promise.withResolvers<never>();
    staged.stage(async () => held.promise);
    const [host, port] = application.address.split(':');
    const socket = connect(Number(port), host);
    const asked = staged.signals.length;
    socket.write(`GET ${prefix}/messages/msg-1 HTTP/1.1\r\nhost: here\r\nx-user: alice\r\n\r\n`);
    await vi.waitFor(() => expect(staged.signals).toHaveLength(asked + 1));
    const signal = staged.signals.at(-1);
    expect(signal?.aborted).toBe(false);
    socket.destroy();
    await vi.waitFor(() => expect(signal?.aborted).toBe(true));
    held.reject(new CouldNotTellError('canceled'));
  });
});

it.each(APPLICATIONS)('a taskgate that never answers is 503 at the deadline: $name', async ({ prefix, start }) => {
  await using silent = await startSilentPort();
  using client = createTaskgateClient({ transport: 'connect', baseUrl: `http://${silent.address}`, timeoutMs: 100 });
  await using application = await start(client);
  const url = `http://${application.address}${prefix}/messages/msg-1`;
  const { status } = await exchangeHttp1(url, { method: 'GET', headers: { 'x-user': 'alice' } });
  expect([status, application.handled]).toEqual([503, []]);
});
