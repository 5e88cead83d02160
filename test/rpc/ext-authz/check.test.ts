import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { DEFAULT_IDENTITY_HEADERS } from '../../../src/authorize/identity-headers.ts';
import { GATEWAY_DENIALS } from '../../../src/authorize/gateway-denials.ts';
import type { EnvoyVerdict } from '../../support/envoy-checks.ts';
import { checkRequestBytes, sendEnvoyCheck, toVerdict } from '../../support/envoy-checks.ts';
import { gatewayYaml } from '../../support/gateway.ts';
import type { RawResponse } from '../../support/raw-http.ts';
import { useTaskgate } from '../../support/taskgate.ts';
import { recorded, RECORDED } from './recorded/recorded.ts';

const gate = useTaskgate({ yaml: gatewayYaml() });
const socketGate = useTaskgate({ yaml: gatewayYaml(), grpc: 'socket' });
const MIB = 1024 * 1024;
const NAMES = Object.values(DEFAULT_IDENTITY_HEADERS);
const [KIND, ID, ACCOUNT, TASK] = NAMES;

function allowed(identity: Readonly<Record<string, string>>): EnvoyVerdict {
  return { kind: 'allowed', set: identity, removed: NAMES.filter((name) => !(name in identity)) };
}

function denied(kind: keyof typeof GATEWAY_DENIALS, code: status): EnvoyVerdict {
  const { status: http, headers, body } = GATEWAY_DENIALS[kind];
  return { kind: 'denied', code, status: http, headers: Object.fromEntries(headers), body };
}

const ALICE = allowed({ [KIND]: 'user', [ID]: 'alice', [ACCOUNT]: 'acme', [TASK]: 'task-1' });
const PUBLIC = allowed({});
const NOT_FOUND = denied('not_found', status.NOT_FOUND);
const UNAUTHENTICATED = denied('unauthenticated', status.UNAUTHENTICATED);
const MALFORMED = denied('malformed', status.INVALID_ARGUMENT);
const NO_HTTP: EnvoyVerdict = {
  kind: 'error',
  code: status.INVALID_ARGUMENT,
  message: 'attributes.request.http: is required',
};

const VERDICTS: Readonly<Record<string, EnvoyVerdict>> = {
  'a GET of what is allowed': ALICE,
  'a GET of what is denied': NOT_FOUND,
  'a GET of what is absent': NOT_FOUND,
  'a GET of a child': ALICE,
  'a GET with a query': ALICE,
  'no route': NOT_FOUND,
  'a public route': PUBLIC,
  'no principal': UNAUTHENTICATED,
  'two principals': UNAUTHENTICATED,
  'one header twice, joined': UNAUTHENTICATED,
  'forged identity headers': ALICE,
  'forged identity headers of a public route': PUBLIC,
  'JSON-RPC in body': ALICE,
  'JSON-RPC in raw_body': ALICE,
  'a partial body': MALFORMED,
  'a body shorter than its size': MALFORMED,
  'a body that Envoy does not send': MALFORMED,
  'raw headers': ALICE,
  'raw headers, one twice': UNAUTHENTICATED,
  'raw headers that are not UTF-8': UNAUTHENTICATED,
  'an other raw header that is not UTF-8': ALICE,
  'another path than in the raw headers': MALFORMED,
  'claims of a token': ALICE,
  'claims under the name of another filter': UNAUTHENTICATED,
  'a route that context_extensions names': allowed({ [KIND]: 'user', [ID]: 'alice', [ACCOUNT]: 'acme' }),
  'a context_extension that nobody knows': MALFORMED,
  'the metadata of a route': ALICE,
  'no request': NO_HTTP,
  'no HTTP': NO_HTTP,
};

const LISTENERS = {
  TCP: () => gate().addresses.grpc,
  'a unix socket': () => socketGate().addresses.grpc,
} as const;

it('has a verdict for everything that is recorded', () => {
  expect([...RECORDED.keys()].toSorted()).toEqual(Object.keys(VERDICTS).toSorted());
});

describe.each(Object.entries(LISTENERS))('ext_authz over %s', (_, address) => {
  it.each(Object.entries(VERDICTS))('answers %s', async (name, verdict) => {
    expect(toVerdict(await sendEnvoyCheck(address(), recorded(name)))).toEqual(verdict);
  });
});

/** All that was sent, but for the time and for the random decision id, of which only the length counts. */
function normalize({ headers, body, trailers }: RawResponse) {
  const strip = (lines: readonly string[]) =>
    lines
      .filter((line) => !line.startsWith('date:'))
      .map((line) => line.replace(/^(taskgate-decision-id: )(.*)$/, (_, name: string, id: string) => name + id.length));
  return { headers: strip(headers), body: body.toString('hex'), trailers: strip(trailers) };
}

const as = (user: string, account = 'acme') => ({ 'x-user-id': user, 'x-account-id': account });
const HIDDEN: Readonly<Record<string, Uint8Array>> = {
  'an absent task': checkRequestBytes({ path: '/tasks/none', headers: as('alice') }),
  'a denied task': checkRequestBytes({ path: '/tasks/task-1', headers: as('dave') }),
  'a task of another account': checkRequestBytes({ path: '/tasks/task-9', headers: as('alice') }),
  'an owner in another account': checkRequestBytes({ path: '/tasks/task-1', headers: as('alice', 'globex') }),
  'an unregistered task': checkRequestBytes({ path: '/tasks/task-5', headers: as('alice') }),
  'an absent message': checkRequestBytes({ path: '/messages/none', headers: as('alice') }),
  'a denied message': checkRequestBytes({ path: '/messages/msg-1', headers: as('dave') }),
  'a message of another account': checkRequestBytes({ path: '/messages/msg-9', headers: as('alice') }),
  'a message whose task is gone': checkRequestBytes({ path: '/messages/msg-orphan', headers: as('alice') }),
  'a denied update': checkRequestBytes({ method: 'POST', path: '/tasks/task-1', headers: as('carol') }),
  'a denied delete': checkRequestBytes({ method: 'DELETE', path: '/tasks/task-1', headers: as('carol') }),
  'no route': checkRequestBytes({ path: '/nothing', headers: as('alice') }),
  'a path of 1 MiB': checkRequestBytes({ path: `/tasks/${'a'.repeat(MIB)}`, headers: as('alice') }),
};

describe.each(Object.entries(LISTENERS))('what is hidden, over %s', (_, address) => {
  it('is one answer, to the byte', async () => {
    const seen = await Promise.all(
      Object.entries(HIDDEN).map(
        async ([name, bytes]) => [name, normalize(await sendEnvoyCheck(address(), bytes))] as const,
      ),
    );
    const [first] = seen;
    expect(toVerdict(await sendEnvoyCheck(address(), HIDDEN['a denied task'] ?? Buffer.alloc(0)))).toEqual(NOT_FOUND);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(seen.map(([name]) => [name, first?.[1]])));
  });
});

describe('what Envoy sends', () => {
  const send = async (bytes: Uint8Array) => toVerdict(await sendEnvoyCheck(gate().addresses.grpc, bytes));

  it.each([
    ['nothing', Buffer.alloc(0), /^attributes.request.http: is required$/],
    ['garbage', Buffer.from('garbage that is no message'), /^request: is not a valid envoy/],
    ['a request that is cut', recorded('a GET of what is allowed').subarray(0, 300), /^request: is not a valid envoy/],
  ])('is an error if it is no request: %s', async (_, bytes, message) => {
    expect(await send(bytes)).toEqual({
      kind: 'error',
      code: status.INVALID_ARGUMENT,
      message: expect.stringMatching(message),
    });
  });

  it('has a decision id in its metadata, and not in its body', async () => {
    const { headers, body } = await sendEnvoyCheck(gate().addresses.grpc, recorded('a GET of what is denied'));
    const id = headers.find((line) => line.startsWith('taskgate-decision-id: '))?.split(': ')[1] ?? '';
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.includes(id)).toBe(false);
  });

  it('is counted under a name of its own', async () => {
    await send(recorded('a GET of what is allowed'));
    const metrics = await (await fetch(`http://${gate().addresses.admin}/metrics`)).text();
    expect(metrics).toMatch(/method="ext_authz\.Check",transport="grpc",code="0"/);
  });

  it('of a path that is not UTF-8 is denied, not an error that may let it pass', async () => {
    const bytes = Buffer.from(checkRequestBytes({ path: '/tasks/task-X', headers: as('alice') }));
    bytes[bytes.indexOf('X')] = 0xff;
    expect(await send(bytes)).toEqual(MALFORMED);
  });
});
