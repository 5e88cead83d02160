// What `scripts/record-check-requests.ts` makes bytes of: requests as Envoy 1.31 describes them, in the words of its protos.

const address = (host: string, port: number) => ({ socket_address: { address: host, port_value: port } });

const PEERS = {
  source: {
    address: address('10.0.3.17', 41_022),
    principal: 'spiffe://cluster.local/ns/web/sa/front',
    labels: { app: 'front' },
  },
  destination: { address: address('10.0.4.2', 8_443), principal: 'spiffe://cluster.local/ns/app/sa/api' },
  tls_session: { sni: 'api.example.com' },
};
const TIME = { seconds: 1_795_000_000, nanos: 123_456_000 };
const BROWSER = {
  ':authority': 'api.example.com',
  ':scheme': 'https',
  accept: 'application/json',
  'accept-encoding': 'gzip, deflate, br',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-envoy-internal': 'false',
  'x-request-id': '7d0b6d0c-9b9c-4f0c-8c43-3f7e4b7d9a10',
};
const ALICE = { 'x-user-id': 'alice', 'x-account-id': 'acme' };
const RPC = '{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"task_id":"task-1"}}';

interface Http {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

function http({ method = 'GET', path = '/tasks/task-1', headers = ALICE, more = {} }: Http) {
  return {
    id: '13359530607844510314',
    method,
    headers: { ':method': method, ':path': path, ...BROWSER, ...headers },
    path,
    host: 'api.example.com',
    scheme: 'https',
    size: 0,
    protocol: 'HTTP/1.1',
    ...more,
  };
}

function attributes(request: object, more: object = {}) {
  return { attributes: { ...PEERS, request: { time: TIME, http: request }, metadata_context: {}, ...more } };
}

function raw(pairs: readonly (readonly [string, string | Uint8Array])[]) {
  return { headers: pairs.map(([key, value]) => ({ key, raw_value: Buffer.from(value) })) };
}

/** `encode_raw_headers: true`: every header on its own, in bytes. */
function rawHttp(
  pairs: readonly (readonly [string, string | Uint8Array])[],
  more: Readonly<Record<string, unknown>> = {},
) {
  const { headers: _, ...rest } = http({ more });
  return {
    ...rest,
    header_map: raw([[':method', 'GET'], [':path', '/tasks/task-1'], [':authority', 'api.example.com'], ...pairs]),
  };
}

const post = (body: string, more: Readonly<Record<string, unknown>>, headers: Readonly<Record<string, string>> = {}) =>
  http({
    method: 'POST',
    path: '/rpc',
    headers: { ...ALICE, 'content-type': 'application/json', 'content-length': `${body.length}`, ...headers },
    more: { size: body.length, ...more },
  });
const whole = { 'x-envoy-auth-partial-body': 'false' };

/** Claims as `envoy.filters.http.jwt_authn` leaves them with `payload_in_metadata: jwt_payload`. */
const CLAIMS = {
  fields: {
    jwt_payload: {
      structValue: {
        fields: {
          iss: { stringValue: 'https://issuer.example.com' },
          sub: { stringValue: 'alice' },
          account_id: { stringValue: 'acme' },
          exp: { numberValue: 1_795_000_300 },
          aud: { listValue: { values: [{ stringValue: 'api' }, { stringValue: 'web' }] } },
          email_verified: { boolValue: true },
          nickname: { nullValue: 0 },
        },
      },
    },
  },
};

export const CHECK_REQUESTS: readonly { readonly name: string; readonly request: Record<string, unknown> }[] = [
  { name: 'a GET of what is allowed', request: attributes(http({})) },
  { name: 'a GET of what is denied', request: attributes(http({ path: '/tasks/task-9' })) },
  { name: 'a GET of what is absent', request: attributes(http({ path: '/tasks/absent' })) },
  { name: 'a GET of a child', request: attributes(http({ path: '/messages/msg-1' })) },
  { name: 'a GET with a query', request: attributes(http({ path: '/tasks/task-1?expand=messages&x=%2F..' })) },
  { name: 'no route', request: attributes(http({ path: '/nothing/here' })) },
  { name: 'a public route', request: attributes(http({ path: '/public', headers: {} })) },
  { name: 'no principal', request: attributes(http({ headers: {} })) },
  { name: 'two principals', request: attributes(http({ headers: { ...ALICE, 'x-agent-id': 'agent-1' } })) },
  { name: 'one header twice, joined', request: attributes(http({ headers: { ...ALICE, 'x-user-id': 'alice,bob' } })) },
  {
    name: 'forged identity headers',
    request: attributes(
      http({
        headers: {
          ...ALICE,
          'x-taskgate-principal-id': 'root',
          'x-taskgate-task-id': 'task-7',
          'x-taskgate-account-id': 'evil',
        },
      }),
    ),
  },
  {
    name: 'forged identity headers of a public route',
    request: attributes(http({ path: '/public', headers: { 'x-taskgate-principal-id': 'root' } })),
  },
  { name: 'JSON-RPC in body', request: attributes(post(RPC, { body: RPC }, whole)) },
  { name: 'JSON-RPC in raw_body', request: attributes(post(RPC, { raw_body: Buffer.from(RPC) }, whole)) },
  {
    name: 'a partial body',
    request: attributes(
      post(RPC, { raw_body: Buffer.from(RPC.slice(0, 40)) }, { 'x-envoy-auth-partial-body': 'true' }),
    ),
  },
  {
    name: 'a body shorter than its size',
    request: attributes(post(RPC, { raw_body: Buffer.from(RPC.slice(0, 40)) }, whole)),
  },
  { name: 'a body that Envoy does not send', request: attributes(post(RPC, {})) },
  {
    name: 'raw headers',
    request: attributes(
      rawHttp([
        ['x-user-id', 'alice'],
        ['x-account-id', 'acme'],
        ['cookie', 'a=1'],
        ['cookie', 'b=2'],
      ]),
    ),
  },
  {
    name: 'raw headers, one twice',
    request: attributes(
      rawHttp([
        ['x-user-id', 'alice'],
        ['x-user-id', 'bob'],
        ['x-account-id', 'acme'],
      ]),
    ),
  },
  {
    name: 'raw headers that are not UTF-8',
    request: attributes(
      rawHttp([
        ['x-user-id', Buffer.from([0x61, 0xff])],
        ['x-account-id', 'acme'],
      ]),
    ),
  },
  {
    name: 'an other raw header that is not UTF-8',
    request: attributes(
      rawHttp([
        ['x-user-id', 'alice'],
        ['x-account-id', 'acme'],
        ['user-agent', Buffer.from([0xe4])],
      ]),
    ),
  },
  {
    name: 'another path than in the raw headers',
    request: attributes(
      rawHttp(
        [
          ['x-user-id', 'alice'],
          ['x-account-id', 'acme'],
        ],
        { path: '/public' },
      ),
    ),
  },
  {
    name: 'claims of a token',
    request: attributes(http({ headers: {} }), {
      metadata_context: { filter_metadata: { 'envoy.filters.http.jwt_authn': CLAIMS } },
    }),
  },
  {
    name: 'claims under the name of another filter',
    request: attributes(http({ headers: {} }), { metadata_context: { filter_metadata: { 'envoy.lb': CLAIMS } } }),
  },
  {
    name: 'a route that context_extensions names',
    request: attributes(http({ method: 'POST', path: '/v2/new-task' }), {
      context_extensions: { 'taskgate.type': 'task', 'taskgate.id': '*', 'taskgate.operation': 'create' },
    }),
  },
  {
    name: 'a context_extension that nobody knows',
    request: attributes(http({ path: '/public' }), { context_extensions: { 'taskgate.operaton': 'read' } }),
  },
  {
    name: 'the metadata of a route',
    request: attributes(http({}), { route_metadata_context: { filter_metadata: { x: CLAIMS } } }),
  },
  { name: 'no request', request: { attributes: { ...PEERS, metadata_context: {} } } },
  { name: 'no HTTP', request: { attributes: { ...PEERS, request: { time: TIME } } } },
];
