import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GATEWAY_DENIALS } from '../../../src/authorize/gateway-denials.ts';
import { DEFAULT_IDENTITY_HEADERS, escapeHeaderValue } from '../../../src/authorize/identity-headers.ts';
import { HeaderValueOption_HeaderAppendAction } from '../../../src/gen/envoy/config/core/v3/base_pb.js';
import { CheckResponseSchema } from '../../../src/gen/envoy/service/auth/v3/external_auth_pb.js';
import { createToCheckResponse } from '../../../src/rpc/ext-authz/to-check-response.ts';
import { readVerdict } from '../../support/envoy-checks.ts';
import { hostileText } from '../../support/hostile-text.ts';

const options = { identityHeaders: DEFAULT_IDENTITY_HEADERS, decisionIdInMetadata: false };
const toCheckResponse = createToCheckResponse(options);
const withMetadata = createToCheckResponse({ ...options, decisionIdInMetadata: true });
const DENIALS = Object.keys(GATEWAY_DENIALS) as (keyof typeof GATEWAY_DENIALS)[];
const ALICE = { kind: 'user', id: 'alice', account: 'acme' } as const;

describe.each(DENIALS)('what is %s', (kind) => {
  it('is denied with its status and body, and no code that lets it pass', () => {
    const { status, headers, body } = GATEWAY_DENIALS[kind];
    expect(readVerdict(toCheckResponse({ kind }, 'id'))).toEqual({
      kind: 'denied',
      code: expect.toSatisfy((code: number) => code > 0),
      status,
      headers: Object.fromEntries(headers),
      body,
    });
  });

  it('is the same bytes whatever was asked', () => {
    expect(toCheckResponse({ kind }, 'one')).toEqual(toCheckResponse({ kind }, 'two'));
  });
});

describe('what is allowed', () => {
  it('is what the generated encoder makes of it, whoever it is', () => {
    const text = hostileText.filter((value) => value.isWellFormed() && value !== '');
    const { OVERWRITE_IF_EXISTS_OR_ADD: appendAction } = HeaderValueOption_HeaderAppendAction;
    const { principalKind, principalId, accountId, taskId } = DEFAULT_IDENTITY_HEADERS;
    fc.assert(
      fc.property(text, text, fc.option(text, { nil: undefined }), (id, account, task) => {
        const principal = { kind: 'agent', id, account } as const;
        const set = [
          [principalKind, 'agent'],
          [principalId, escapeHeaderValue(id)],
          [accountId, escapeHeaderValue(account)],
          ...(task === undefined ? [] : [[taskId, escapeHeaderValue(task)]]),
        ];
        const expected = create(CheckResponseSchema, {
          status: {},
          httpResponse: {
            case: 'okResponse',
            value: {
              headers: set.map(([key = '', value = '']) => ({ header: { key, value }, appendAction })),
              headersToRemove: task === undefined ? [taskId] : [],
            },
          },
        });
        const taskIdOf = task === undefined ? {} : { taskId: task };
        const written = toCheckResponse({ kind: 'allowed', principal, ...taskIdOf }, 'id');
        expect(written).toEqual(Buffer.from(toBinary(CheckResponseSchema, expected)));
      }),
    );
  });

  it('removes every identity header where everybody is allowed', () => {
    const written = toCheckResponse({ kind: 'allowed', principal: undefined }, 'id');
    expect(readVerdict(written)).toEqual({
      kind: 'allowed',
      set: {},
      removed: Object.values(DEFAULT_IDENTITY_HEADERS),
    });
  });
});

describe('the decision id in the metadata', () => {
  it.each([...DENIALS.map((kind) => ({ kind })), { kind: 'allowed', principal: ALICE } as const])(
    'is beside the same answer: $kind',
    (answer) => {
      const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
      const written = withMetadata(answer, id);
      const { dynamicMetadata } = fromBinary(CheckResponseSchema, written);
      expect(dynamicMetadata).toEqual({ decision_id: id });
      expect(readVerdict(written)).toEqual(readVerdict(toCheckResponse(answer, id)));
      expect(written.length).toBe(withMetadata(answer, id.toUpperCase()).length);
    },
  );
});
