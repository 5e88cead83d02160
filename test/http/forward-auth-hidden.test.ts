import { describe, expect, it } from 'vitest';
import { FORWARD_AUTH_PATH } from '../../src/http/forward-auth/forward-auth.ts';
import { exchangeHttp } from '../support/exchange-http.ts';
import { gatewayYaml } from '../support/gateway.ts';
import { useTaskgate } from '../support/taskgate.ts';

const HIDDEN: readonly (readonly [what: string, method: string, target: string, user: string])[] = [
  ['a denied task', 'GET', '/tasks/task-1', 'dave'],
  ['an absent task', 'GET', '/tasks/none', 'dave'],
  ['a task of another account', 'GET', '/tasks/task-9', 'alice'],
  ['an unregistered task', 'GET', '/tasks/task-5', 'alice'],
  ['a denied message', 'GET', '/messages/msg-1', 'dave'],
  ['an absent message', 'GET', '/messages/none', 'dave'],
  ['a message of another account', 'GET', '/messages/msg-9', 'alice'],
  ['a message whose task is gone', 'GET', '/messages/msg-orphan', 'alice'],
  ['a denied update', 'POST', '/tasks/task-1', 'carol'],
  ['a denied delete', 'DELETE', '/tasks/task-1', 'carol'],
  ['no route', 'GET', '/nothing', 'alice'],
  ['a target that no server should take', 'GET', '/tasks/task-1%2F..', 'alice'],
];

describe.each([404, 403])('what is hidden behind forward-auth, with denied_status %i', (deniedStatus) => {
  const gate = useTaskgate({ yaml: gatewayYaml({ gateway: { forward_auth: { denied_status: deniedStatus } } }) });

  async function ask(method: string, target: string, user: string): Promise<unknown> {
    const { headers, ...answer } = await exchangeHttp(gate().addresses.http, {
      target: FORWARD_AUTH_PATH,
      headers: [
        ['x-forwarded-method', method],
        ['x-forwarded-uri', target],
        ['x-user-id', user],
        ['x-account-id', 'acme'],
      ],
    });
    const changing = new Set(['date', 'taskgate-decision-id']);
    return { ...answer, headers: headers.filter(([name]) => !changing.has(name.toLowerCase())) };
  }

  it('is one answer, to the byte', async () => {
    const [[, ...first]] = HIDDEN as [(typeof HIDDEN)[number]];
    const denied = await ask(...first);
    expect(denied).toMatchObject({ status: deniedStatus, body: '{"error":"not found"}' });
    for (const [what, ...question] of HIDDEN) expect(await ask(...question), what).toEqual(denied);
    expect(await ask('GET', '/messages/msg-1', 'alice')).toMatchObject({ status: 200 });
  });
});
