import { describe, expect, it } from 'vitest';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { postHttp1 } from '../support/raw-http.ts';
import { useTaskgate } from '../support/taskgate.ts';

const gate = useTaskgate();
const ALICE = { userId: 'alice', accountId: 'acme' };
const MESSAGE = { type: 'message', id: 'msg-1' };
const READ = { principal: ALICE, resource: MESSAGE, operation: 'OPERATION_READ' };

/** With a length a request is answered without connect-node, in chunks by it: the one must not show which it was. */
async function answerOf(framing: 'length' | 'chunks', method: string, body: string, headers = {}) {
  const framed = framing === 'length' ? { 'content-length': `${Buffer.byteLength(body)}` } : chunked;
  const response = await postHttp1(
    `http://${gate().addresses.http}/${AuthorizationService.typeName}/${method}`,
    { 'content-type': 'application/json', ...framed, ...headers },
    body,
  );
  const answered = new Map(response.headers.map((header) => header.split(/:? (.*)/s, 2) as [string, string]));
  const names = [...answered.keys()].map((name) => name.toLowerCase()).toSorted();
  const shown = ['status', 'content-type', 'content-length'].map(
    (name) => answered.get(name) ?? answered.get(`:${name}`),
  );
  // Each answer has a revision of its own, of the same length.
  return { names, shown, body: response.body.toString().replace(/At":"[^"]+"/, 'At":"…"') };
}
const chunked = { 'transfer-encoding': 'chunked' };

describe('a unary call in JSON', () => {
  it.each([
    ['allowed', 'CheckTask', JSON.stringify(READ)],
    ['denied', 'CheckTask', JSON.stringify({ ...READ, principal: { ...ALICE, userId: 'dave' } })],
    ['absent', 'CheckTask', JSON.stringify({ ...READ, resource: { ...MESSAGE, id: 'none' } })],
    [
      'forbidden',
      'CheckTask',
      JSON.stringify({
        ...READ,
        resource: { type: 'agent', id: '*' },
        operation: 'OPERATION_CREATE',
        principal: { userId: 'x', accountId: 'nowhere' },
      }),
    ],
    ['without a field', 'CheckTask', '{}'],
    ['with a field that is unknown', 'CheckTask', JSON.stringify({ ...READ, more: 1 })],
    ['with a word that is unknown', 'CheckTask', JSON.stringify({ ...READ, operation: 'READ' })],
    ['with a field of another type', 'CheckTask', '{"principal":[]}'],
    ['that is a list', 'CheckTask', '[]'],
    ['that is cut', 'CheckTask', '{"principal":{"userId":"al'],
    ['that is no UTF-8', 'CheckTask', '{"principal":{"userId":"\udfff"}}'],
    ['with a byte order mark', 'CheckTask', `\ufeff${JSON.stringify(READ)}`],
    ['that is a space', 'CheckTask', ' '],
    ['to a method that there is not', 'CheckTasks', '{}'],
    ['with a query', 'CheckTask?x=1', JSON.stringify(READ)],
    ['not found', 'DeregisterResource', JSON.stringify({ principal: ALICE, resource: { type: 'task', id: 'none' } })],
    ['with a list in its answer', 'BatchCheckTask', JSON.stringify({ principal: ALICE, checks: [] })],
  ])('%s has one answer, whoever makes it', async (_, method, body) => {
    expect(await answerOf('length', method, body)).toEqual(await answerOf('chunks', method, body));
  });

  it.each([
    ['in time', '5000', 200],
    ['in what is no time', '5s', 400],
    ['in more digits than a time has', '12345678901', 400],
  ])('that is wanted %s has one answer', async (_, timeout, status) => {
    const headers = { 'connect-timeout-ms': timeout };
    const plain = await answerOf('length', 'CheckTask', JSON.stringify(READ), headers);
    expect(plain.shown[0]).toBe(String(status));
    expect(plain).toEqual(await answerOf('chunks', 'CheckTask', JSON.stringify(READ), headers));
  });
});
