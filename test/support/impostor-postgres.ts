import type { Socket } from 'node:net';
import type { Impostor } from './impostor-redis.ts';
import { listenAsImpostor } from './impostor-redis.ts';

/** What a query is answered with: columns with their type's OID, and rows of text; no columns at all where undefined. */
export interface PostgresReply {
  readonly columns?: readonly { readonly name: string; readonly oid: number }[];
  readonly rows?: readonly (readonly (string | null)[])[];
  /** What the command says that it did. Default `SELECT n`. */
  readonly tag?: string;
}

/** A reply to a query for these keys, of what was asked in one array. */
export type PostgresReplyOf = (keys: readonly string[]) => PostgresReply;

const SSL_REQUEST = 80_877_103;
const STARTUP_HEAD_BYTES = 8;
const MESSAGE_HEAD_BYTES = 5;

/** A Postgres in name only: lets everybody in, and answers every query with the next of `replies`. */
export async function startImpostorPostgres(replies: readonly PostgresReplyOf[]): Promise<Impostor> {
  let next = 0;
  return listenAsImpostor((socket) => {
    let keys: readonly string[] = [];
    readMessages(socket, {
      onStartup: () => socket.write(Buffer.concat([toMessage('R', int32(0)), READY])),
      onMessage(type, body) {
        if (type === 'B') keys = arrayIn(body);
        if (type !== 'S' && type !== 'Q') return;
        const reply = replies[next++ % replies.length]?.(keys) ?? {};
        const parsed = type === 'S' ? [toMessage('1'), toMessage('2')] : [];
        socket.write(Buffer.concat([...parsed, toReply(reply), READY]));
      },
    });
  });
}

/** A Postgres that has no connection left: it refuses whoever comes, in these words. */
export async function startFullPostgres(message: string): Promise<Impostor> {
  const fields = [`SFATAL`, `VFATAL`, `C53300`, `M${message}`].map((field) => `${field}\0`).join('');
  return listenAsImpostor((socket) => {
    const onStartup = (): void => void socket.end(toMessage('E', Buffer.from(`${fields}\0`)));
    readMessages(socket, { onStartup, onMessage: () => undefined });
  });
}

const READY = toMessage('Z', Buffer.from('I'));

function readMessages(
  socket: Socket,
  events: { readonly onStartup: () => void; readonly onMessage: (type: string, body: Buffer) => void },
): void {
  let received = Buffer.alloc(0);
  let isStarted = false;
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= (isStarted ? MESSAGE_HEAD_BYTES : STARTUP_HEAD_BYTES)) {
      const lengthAt = isStarted ? 1 : 0;
      const end = lengthAt + received.readInt32BE(lengthAt);
      if (received.length < end) return;
      const [message, rest] = [received.subarray(0, end), received.subarray(end)];
      received = rest;
      if (isStarted) events.onMessage(message.toString('latin1', 0, 1), message.subarray(MESSAGE_HEAD_BYTES));
      else if (message.readInt32BE(4) === SSL_REQUEST) socket.write('N');
      else {
        isStarted = true;
        events.onStartup();
      }
    }
  });
}

function toReply({ columns, rows = [], tag = `SELECT ${rows.length}` }: PostgresReply): Buffer {
  const described = columns === undefined ? toMessage('n') : toRowDescription(columns);
  return Buffer.concat([described, ...rows.map(toDataRow), toMessage('C', Buffer.from(`${tag}\0`))]);
}

function toRowDescription(columns: NonNullable<PostgresReply['columns']>): Buffer {
  const fields = columns.map(({ name, oid }) =>
    Buffer.concat([Buffer.from(`${name}\0`), int32(0), int16(0), int32(oid), int16(-1), int32(-1), int16(0)]),
  );
  return toMessage('T', Buffer.concat([int16(columns.length), ...fields]));
}

function toDataRow(values: readonly (string | null)[]): Buffer {
  const parts = values.map((value) =>
    value === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]),
  );
  return toMessage('D', Buffer.concat([int16(values.length), ...parts]));
}

/** The elements of the first array literal in a Bind message; ids of the tests have nothing to quote. */
function arrayIn(body: Buffer): readonly string[] {
  const literal = /\{([^}]*)\}/.exec(body.toString('latin1'))?.[1] ?? '';
  return literal.split(',').map((element) => element.replaceAll('"', ''));
}

function toMessage(type: string, body: Buffer = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}
