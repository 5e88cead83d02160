import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { InvalidArgumentError } from '../../../src/domain/errors.ts';
import { parseState, serializeState } from '../../../src/lifecycle/reconcile/run-state.ts';
import type { KeyRing } from '../../../src/parents/parent-entry.ts';
import { decodeParentEntry, encodeParentEntry } from '../../../src/parents/parent-entry.ts';
import { guardReplies } from '../../../src/parents/reply-guard.ts';
import type { CursorOwner } from '../../../src/rpc/list-cursor.ts';
import { createCursorCodec } from '../../../src/rpc/list-cursor.ts';
import type { FuzzTarget } from '../target.ts';
import { assertThat, text, toText } from '../target.ts';

const NOW_MS = 1_800_000_000_000;
const SECRET = 'a secret that everybody knows here';
const KEY_RING: KeyRing = [
  { id: 'now', secret: SECRET },
  { id: 'n', secret: SECRET },
];
const REDIS_KEY = '8:taskgate:parent:7:message4:taskim-1';
const OWNER: CursorOwner = { principal: { kind: 'user', id: 'ann', account: 'acme' }, operation: 'read' };

const codec = createCursorCodec([SECRET]);
const cursors: FuzzTarget = {
  name: 'cursors',
  seeds: [
    text(codec.seal({ afterId: 'task-1', snapshot: 'token' }, OWNER)),
    text(codec.seal({ afterId: '', snapshot: '' }, OWNER)),
    text(codec.seal({ afterId: 'x'.repeat(1_024), snapshot: 'y'.repeat(200) }, OWNER)),
    text(''),
    text('='),
    text('-_'),
  ],
  dictionary: ['=', '-', '_', '+', '/', ' ', '%3D'],
  run(input) {
    const cursor = toText(input);
    try {
      assertThat(codec.seal(codec.open(cursor, OWNER), OWNER) === cursor, 'a cursor has one form');
      return 'opened';
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      return 'refused';
    }
  },
};

const entry = (found: string | undefined, expiresAtMs = NOW_MS + 1_000): Uint8Array =>
  encodeParentEntry(REDIS_KEY, found === undefined ? { kind: 'absent' } : { kind: 'found', id: found }, {
    keyRing: KEY_RING,
    expiresAtMs,
  });
/** As `parent-entry.ts` signs: so that what is behind the signature is reached too. */
const resign = (input: Uint8Array): Buffer =>
  Buffer.concat([
    input,
    createHmac('sha256', SECRET)
      .update(`${Buffer.byteLength(REDIS_KEY)}:${REDIS_KEY}`)
      .update(input)
      .digest(),
  ]);

const entries: FuzzTarget = {
  name: 'parent-entries',
  seeds: [entry('task-1'), entry(undefined), entry('task-1', 0), entry('täsk', 2 ** 53), text(''), text('\x01')],
  arbitrary: fc.uint8Array({ maxLength: 80 }),
  run(input) {
    const read = (bytes: Buffer) => decodeParentEntry(bytes, REDIS_KEY, { keyRing: KEY_RING, nowMs: NOW_MS });
    const [plain, resigned] = [read(Buffer.from(input)), read(resign(input))];
    for (const decoded of [plain, resigned]) {
      if (decoded.kind === 'miss') continue;
      assertThat(decoded.expiresAtMs > NOW_MS, 'what is over is a miss');
      if (decoded.result.kind === 'found') assertThat(decoded.result.id !== '', 'what is found has an id');
    }
    const tell = (decoded: typeof plain): string => (decoded.kind === 'hit' ? decoded.result.kind : decoded.reason);
    return `${tell(plain)}, signed ${tell(resigned)}`;
  },
};

function refusalOf(input: Uint8Array, size: number): string | undefined {
  let hear: (chunk: Buffer) => void = () => undefined;
  let refusal: string | undefined;
  guardReplies(
    { on: (_event, listener) => (hear = listener), destroy: (error) => (refusal ??= error.message) },
    { maxValueBytes: () => 64 },
  );
  for (let at = 0; at < input.length; at += size) {
    hear(Buffer.from(input.subarray(at, at + size)));
    if (refusal !== undefined) break;
  }
  return refusal;
}

const replies: FuzzTarget = {
  name: 'redis-replies',
  seeds: [
    '$3\r\nabc\r\n',
    '*2\r\n$-1\r\n+OK\r\n',
    '%1\r\n+a\r\n:1\r\n',
    '$64\r\n',
    '$65\r\n',
    '$?\r\n',
    '-ERR\r\n',
  ].map(text),
  dictionary: ['\r\n', '$', '!', '=', '*', '%', '$-1', '$99999999999', '$1e3', '$0x7', '$ 5', '+', '-'],
  run(input) {
    const [whole, bytewise] = [refusalOf(input, input.length), refusalOf(input, 1)];
    assertThat((whole === undefined) === (bytewise === undefined), 'it does not matter how a reply is cut');
    return String(whole);
  },
};

const state = {
  version: 1 as const,
  fingerprint: 'abc',
  rows: { task: 3 },
  lastSuccessAtMs: 5,
};
const states: FuzzTarget = {
  name: 'reconcile-states',
  seeds: [
    text(serializeState(state)),
    text(
      '{"version":1,"fingerprint":"f","rows":{},"run":{"startedAtMs":1,"apply":true,"position":{"step":"rows","type":"task","after":"t"},' +
        '"types":{"task":{"resources":1,"rows":1,"candidates":["a"],"candidatesOmitted":0,"found":{"orphan":1,"unregistered":0,"mismatched":0,"incomplete":0,"unusable":0},' +
        '"repaired":{"orphan":0,"unregistered":0,"mismatched":0,"incomplete":0,"unusable":0},"items":[{"kind":"orphan","id":"a"}],"itemsOmitted":0}}}}',
    ),
    text('null'),
    text('[1'),
  ],
  dictionary: [
    '"run":',
    '"step":"orphans"',
    '"sinceMs":1',
    '"types":',
    '{}',
    '[]',
    '"__proto__":',
    '1e400',
    '-0',
    '0.5',
  ],
  run(input) {
    const parsed = parseState(toText(input));
    if (parsed === undefined) return 'none of ours';
    const again = parseState(serializeState(parsed));
    assertThat(again !== undefined && serializeState(again) === serializeState(parsed), 'a state comes back');
    assertThat(Object.getPrototypeOf(parsed.rows) !== null && !Object.hasOwn(Object.prototype, 'task'), 'no prototype');
    return `a state, ${parsed.run?.position.step}`;
  },
};

export const SIGNED_TARGETS: readonly FuzzTarget[] = [cursors, entries, replies, states];
