import { isDeepStrictEqual } from 'node:util';
import { InvalidArgumentError } from '../../../src/domain/errors.ts';
import type { JsonValue } from '../../../src/domain/json-value.ts';
import { isJsonObject } from '../../../src/domain/json-value.ts';
import { createPageTokens } from '../../../src/http/authzen/page-token.ts';
import { parseEvaluation, parseEvaluations } from '../../../src/http/authzen/parse-evaluations.ts';
import { parseActionSearch, parseResourceSearch, parseSubjectSearch } from '../../../src/http/authzen/parse-search.ts';
import { parseJson } from '../../../src/http/parse-json.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text } from '../target.ts';

const tokens = createPageTokens(['a secret of the tests']);
const search = { tokens, maxPageSize: 100 };
const PARSERS = [
  parseEvaluation,
  (body: Parameters<typeof parseEvaluations>[0]) => parseEvaluations(body, { maxItems: 10 }),
  (body: Parameters<typeof parseEvaluations>[0]) => parseSubjectSearch(body, search),
  (body: Parameters<typeof parseEvaluations>[0]) => parseResourceSearch(body, search),
  (body: Parameters<typeof parseEvaluations>[0]) => parseActionSearch(body, search),
];

const TUPLE = {
  subject: { type: 'user', id: 'ann@example.com', properties: { account: 'acme', roles: ['a', null, 1.5e3] } },
  action: { name: 'GET', properties: {} },
  resource: { type: 'message', id: 'msg-1' },
  context: { ip: '::1' },
};

/** Requests for every API of AuthZEN, as bodies. */
export const AUTHZEN_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'requests-authzen',
    seeds: [
      text(JSON.stringify(TUPLE)),
      text(
        JSON.stringify({
          ...TUPLE,
          evaluations: [{}, { resource: { type: 'a', id: 'b' } }],
          options: { evaluations_semantic: 'execute_all' },
        }),
      ),
      text(JSON.stringify({ ...TUPLE, page: { limit: 1, token: 'AAAA' } })),
      text('{"a":1,"a":2}'),
      text('{"\\u0061":"\\ud800","__proto__":{"a":"\\""}}'),
    ],
    dictionary: [
      '"subject"',
      '"__proto__":',
      '\\ud800',
      '\\u0061',
      '{"a":',
      '[',
      '1e999',
      '\\"',
      '"page":{"token":""}',
    ],
    run(input) {
      let value: JsonValue;
      try {
        value = parseJson(input);
      } catch (error) {
        assertThat(error instanceof InvalidArgumentError && error.field === 'body', 'only the body is blamed');
        return `refused ${error instanceof Error ? error.message : ''}`;
      }
      const source = Buffer.from(input).toString();
      // `JSON.parse` itself is not always right about escaped keys (nodejs/node#63785).
      assertThat(source.includes('\\') || isDeepStrictEqual(value, JSON.parse(source)), 'it is what JSON says');
      const strings = [...source.matchAll(/"(?:[^"\\]|\\.)*"(?<colon>\s*:)?/gs)];
      assertThat(strings.filter(({ groups }) => groups?.['colon']).length === countKeys(value), 'no key came twice');
      if (!isJsonObject(value)) return 'no object';
      const body = value;
      return PARSERS.map((parse) => {
        try {
          parse(body);
          return 'ok';
        } catch (error) {
          if (!(error instanceof InvalidArgumentError)) throw error;
          return error.field;
        }
      }).join(' ');
    },
  },
];

function countKeys(value: JsonValue): number {
  if (Array.isArray(value)) return value.reduce((sum: number, element: JsonValue) => sum + countKeys(element), 0);
  if (!isJsonObject(value)) return 0;
  return Object.values(value).reduce((sum: number, child) => sum + 1 + countKeys(child), 0);
}
