import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { HidesIdsOptions, ReceivedResponse } from '../../clients/typescript/src/testing.ts';
import { assertHidesIds } from '../../clients/typescript/src/testing.ts';

const TASK = '0b7c1d52-9a41-4c6f-8f0e-3f1f6f3c2a11';
const MESSAGE = '5d2f8f0e-12ab-4f6f-9c3d-77aa10bb22cc';
const URL_OF_MESSAGE = `/messages/${MESSAGE}`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const base64url = (text: string): string => Buffer.from(text).toString('base64url');

function received(body: ReceivedResponse['body'], headers: ReceivedResponse['headers'] = {}): ReceivedResponse {
  return { headers, body };
}

const LEAKS: readonly (readonly [string, ReceivedResponse])[] = [
  ['in the body', received(`{"message":"no task ${TASK}"}`)],
  ['in an object', received({ error: { task: TASK } })],
  ['in another case', received(TASK.toUpperCase())],
  ['without its hyphens', received(TASK.replaceAll('-', ''))],
  ['in a header', received('', { location: `/tasks/${TASK}` })],
  ['in one of several headers', received('', { 'set-cookie': ['a=b', `last=${TASK}`] })],
  ['in WHATWG headers', received('', new Headers({ 'x-task': TASK }))],
  ['in the status line', { statusMessage: `No ${TASK}`, headers: {}, body: '' }],
  ['percent-encoded', received(TASK.replaceAll('-', '%2D'))],
  ['percent-encoded twice', received(TASK.replaceAll('-', '%252d'))],
  ['escaped as in JSON', received(String.raw`{"a":"\u0030${TASK.slice(1)}"}`)],
  ['escaped as in HTML', received(`<p>&#x30;${TASK.slice(1)}</p>`)],
  ['in base64', received(base64(`{"t":"${TASK}"}`))],
  ['in base64 behind a prefix', received(`cursor_${base64url(`v1 ${TASK}`)}`)],
  ['in base64url in a URL in JSON', received({ next: `/list?cursor=${encodeURIComponent(base64(`1:${TASK}`))}` })],
  ['in hex', received(Buffer.from(TASK).toString('hex'))],
  ['in a token of three parts', received('', { 'x-token': `${base64url('{}')}.${base64url(`{"t":"${TASK}"}`)}.c2ln` })],
  ['in gzip', received(gzipSync(`task ${TASK}`), { 'content-encoding': 'gzip' })],
  ['in brotli', received(brotliCompressSync(`task ${TASK}`), { 'content-encoding': 'br' })],
  ['decompressed, under the header of gzip', received(Buffer.from(TASK), { 'content-encoding': 'gzip' })],
];

describe('assertHidesIds', () => {
  it.each(LEAKS)('finds an id %s', (_, response) => {
    expect(() => assertHidesIds(URL_OF_MESSAGE, response, { ids: [TASK] })).toThrow(
      /^the response holds an id that was not in the request: /,
    );
  });

  it.each(LEAKS.filter(([name]) => name !== 'without its hyphens'))('finds what looks like an id %s', (_, response) => {
    expect(() => assertHidesIds(URL_OF_MESSAGE, response)).toThrow('the response holds an id');
  });

  it.each([
    ['6ww6mt1q2c3d4e5f6g7h8j9k0m'.toUpperCase(), 'a ULID'],
    ['65f1a2b3c4d5e6f708192a3b', "one of MongoDB's"],
  ])('knows %s as an id: %s', (id) => {
    expect(() => assertHidesIds('/', received(`no ${id} here`))).toThrow(id);
  });

  it('says the id and where it was', () => {
    const response = received({ cursor: base64(`1:${TASK}`) });
    expect(() => assertHidesIds('/', response, { ids: [TASK] })).toThrow(`: ${TASK} (body › base64)`);
  });

  it.each([
    ['the URL', URL_OF_MESSAGE],
    ['the URL, encoded', { url: `/messages/${MESSAGE.replaceAll('-', '%2d')}` }],
    ['a header', { url: '/', headers: { 'x-message': MESSAGE } }],
    ['the body', { url: '/', body: { message: MESSAGE } }],
  ])('lets pass what was in %s of the request', (_, request) => {
    for (const options of [{}, { ids: [TASK, MESSAGE] }]) {
      assertHidesIds(request, received(`Cannot GET ${URL_OF_MESSAGE}`), options);
      assertHidesIds(request, received(base64(`no ${MESSAGE}`)), options);
      expect(() => assertHidesIds(request, received(`${MESSAGE} of ${TASK}`), options)).toThrow(TASK);
    }
  });

  it.each([
    ['task-1', 'no task-10', undefined],
    ['task-1', 'no task-1.', 'task-1'],
    ['a.b*c', 'no a.b*c', 'a.b*c'],
    ['a.b*c', 'no axbbc', undefined],
    ['später-1', 'no sp%C3%A4ter-1', 'später-1'],
  ])('takes %j as a whole word of %j', (id, body, found) => {
    const check = (): void => assertHidesIds('/messages/task-10', received(body), { ids: [id] });
    if (found === undefined) check();
    else expect(check).toThrow(found);
  });

  it('looks at no header that is ignored', () => {
    const response = received('', { 'X-Request-Id': TASK, etag: 'W/"2b-AbC"' });
    assertHidesIds('/', response, { ignoreHeaders: ['x-request-id'] });
    expect(() => assertHidesIds('/', response)).toThrow(TASK);
  });

  it('looks for patterns of the application beside its ids', () => {
    const options: HidesIdsOptions = { ids: [TASK], patterns: [/tsk_[a-z0-9]{8}/] };
    expect(() => assertHidesIds('/', received('no tsk_0a1b2c3d'), options)).toThrow('tsk_0a1b2c3d');
    expect(() => assertHidesIds('/', received(TASK), options)).toThrow(TASK);
  });

  it('fails if it could not fail, or could not search', () => {
    expect(() => assertHidesIds('/', received(''), { ids: [] })).toThrow('it could not fail');
    expect(() => assertHidesIds('/', received(''), { ids: [''] })).toThrow('an empty id');
    const unknown = received(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), { 'content-encoding': 'zstd' });
    expect(() => assertHidesIds('/', unknown)).toThrow("a body in zstd can't be searched");
  });
});
