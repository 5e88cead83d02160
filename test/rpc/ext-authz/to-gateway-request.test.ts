import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { CheckRequestSchema } from '../../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import type { AttributeContext_HttpRequestSchema } from '../../../src/gen/envoy/service/auth/v3/attribute_context_pb.js';
import type { ToGatewayRequestOptions } from '../../../src/rpc/ext-authz/to-gateway-request.ts';
import { toGatewayRequest } from '../../../src/rpc/ext-authz/to-gateway-request.ts';

const OPTIONS: ToGatewayRequestOptions = { metadataFilter: 'jwt', claimsKey: 'payload', sendsBodies: false };

function read(
  http: MessageInitShape<typeof AttributeContext_HttpRequestSchema>,
  options: Partial<ToGatewayRequestOptions> = {},
  filterMetadata: Record<string, JsonObject> = {},
) {
  const request = { http: { method: 'GET', path: '/', ...http } };
  const message = create(CheckRequestSchema, { attributes: { request, metadataContext: { filterMetadata } } });
  return toGatewayRequest(toBinary(CheckRequestSchema, message), { ...OPTIONS, ...options });
}

const raw = (...pairs: readonly (readonly [string, string])[]) => ({
  headers: pairs.map(([key, value]) => ({ key, rawValue: Buffer.from(value) })),
});
const bytes = (text: string) => ({ kind: 'bytes', bytes: Buffer.from(text) });
const request = (parts: object) => ({ kind: 'request', request: expect.objectContaining(parts) });
const malformed = (problem: string) => ({ kind: 'malformed', problem });

describe('headers', () => {
  it('have no pseudo headers among them', () => {
    const headers = { ':path': '/', ':method': 'GET', ':authority': 'h', 'x-a': '1' };
    expect(read({ headers })).toEqual(request({ headers: new Map([['x-a', ['1']]]) }));
  });

  it('are lists of what came more than once, whatever its case', () => {
    const headerMap = raw(['x-a', '1'], ['X-A', '2'], ['x-b', ''], ['x-a', '1']);
    expect(read({ headerMap })).toEqual(
      request({
        headers: new Map([
          ['x-a', ['1', '2', '1']],
          ['x-b', ['']],
        ]),
      }),
    );
  });

  it.each([
    ['in two ways', { headers: { a: '1' }, headerMap: raw(['a', '1']) }, 'headers in two ways'],
    ['with another path', { headers: { ':path': '/other' } }, 'two paths'],
    ['with a path twice', { headerMap: raw([':path', '/'], [':path', '/other']) }, 'two paths'],
    ['with another method', { headerMap: raw([':method', 'POST']) }, 'two methods'],
    ['with letters that become others in lower case', { headers: { '\u212A': '1' } }, 'the name of a header is none'],
    ['without a name', { headers: { '': '1' } }, 'the name of a header is none'],
  ])('are malformed %s', (_, http, problem) => expect(read(http)).toEqual(malformed(problem)));
});

describe('the body', () => {
  const WHOLE = { 'x-envoy-auth-partial-body': 'false' };
  const PARTIAL = { 'x-envoy-auth-partial-body': 'true' };

  it.each([
    ['text', { body: 'abc' }, bytes('abc')],
    ['bytes', { rawBody: Buffer.from('abc') }, bytes('abc')],
    ['whole', { body: 'abc', size: 3n, headers: WHOLE }, bytes('abc')],
    ['of a length that nobody knows', { body: 'abc', size: -1n, headers: WHOLE }, bytes('abc')],
    ['empty, as Envoy says', { headers: WHOLE }, bytes('')],
    ['not sent', {}, { kind: 'unknown' }],
    ['not sent, though there is one', { size: 3n }, { kind: 'unknown' }],
    ['partial', { body: 'abc', headers: PARTIAL }, { kind: 'cut' }],
    ['partial with nothing of it', { headers: PARTIAL }, { kind: 'cut' }],
    [
      'partial by one of two headers',
      { body: 'abc', headerMap: raw(['x-envoy-auth-partial-body', 'false'], ['x-envoy-auth-partial-body', 'true']) },
      { kind: 'cut' },
    ],
    [
      'partial by a word that nobody knows',
      { body: 'abc', headers: { 'x-envoy-auth-partial-body': '' } },
      { kind: 'cut' },
    ],
    ['shorter than it should be', { body: 'abc', size: 4n, headers: WHOLE }, { kind: 'cut' }],
  ])('is %s', (_, http, body) => expect(read(http)).toEqual(request({ body })));

  it.each([
    ['empty', {}, bytes('')],
    ['cut, if its size says that there is one', { size: 3n }, { kind: 'cut' }],
  ])('that is absent is %s where Envoy sends bodies', (_, http, body) => {
    expect(read(http, { sendsBodies: true })).toEqual(request({ body }));
  });

  it('is malformed in two ways', () => {
    expect(read({ body: 'a', rawBody: Buffer.from('a') })).toEqual(malformed('two bodies'));
  });
});

describe('claims', () => {
  it('are what the filter has under the key', () => {
    expect(read({}, {}, { jwt: { payload: { sub: 'alice' }, other: 1 } })).toEqual(
      request({ claims: Object.assign(Object.create(null), { sub: 'alice' }) }),
    );
  });

  it.each([{}, { other: { payload: { sub: 'alice' } } }, { jwt: {} }, { jwt: { sub: 'alice' } }])(
    'are absent where it has none: %j',
    (metadata) => {
      const found = read({}, {}, metadata);
      expect(found.kind === 'request' && 'claims' in found.request).toBe(false);
      expect(found.kind).toBe('request');
    },
  );

  it.each([null, 'a', 1, true, [{ sub: 'alice' }]])('are malformed if they are no object: %j', (payload) => {
    expect(read({}, {}, { jwt: { payload } })).toEqual(malformed('the claims are no object'));
  });

  it('are malformed if they are deep', () => {
    let deep: JsonObject = {};
    for (let depth = 0; depth < 100; depth += 1) deep = { deep };
    expect(read({}, {}, { jwt: { payload: deep } })).toEqual(malformed('the metadata of the token is no struct'));
  });
});

it.each(['/\u{FFFD}', '/a?\u{FFFD}'])('a path that was not UTF-8 is malformed: %s', (path) => {
  expect(read({ path })).toEqual(malformed('the path is not UTF-8'));
});
