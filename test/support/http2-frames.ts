// Just as much HTTP/2 (RFC 9113) as a client needs that does not keep to it.

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 } as const;
export const END_STREAM = 1;
export const ACK = 1;
export const END_HEADERS = 4;
/** What a client says first, with settings that ask for nothing. */
export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  toFrame(FRAME.settings, 0, 0, Buffer.alloc(0)),
]);
const CANCEL = 8;

export function toFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A header block of a gRPC call (RFC 7541), none of which is kept in the connection's table. */
export function toCallHeaders(path: string, authority: string, more: Readonly<Record<string, string>> = {}): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const fields = Object.entries({ te: 'trailers', ...more });
  return Buffer.concat([
    // :method POST, :scheme http, :path, :authority, content-type: names from the static table
    Buffer.from([0x83, 0x86, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x0f, 0x10]),
    text('application/grpc'),
    ...fields.flatMap(([name, value]) => [Buffer.from([0x00]), text(name), text(value)]),
  ]);
}

export function toReset(stream: number): Buffer {
  const code = Buffer.alloc(4);
  code.writeUInt32BE(CANCEL);
  return toFrame(FRAME.reset, 0, stream, code);
}
