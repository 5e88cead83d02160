/** What is used of the socket that Redis answers on. */
export interface ReplySource {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  destroy(error: Error): unknown;
}

export interface ReplyGuardOptions {
  /** Bytes that one value or one line may have. */
  readonly maxValueBytes: () => number;
}

/** Blob string, blob error, verbatim string: what has its length in front. Whatever else there is in RESP2 and RESP3 is a line. */
const WITH_LENGTH = new Set(['$', '!', '=']);
const LINE_FEED = 0x0a;
const CRLF_BYTES = 2;

/**
 * Ends the connection when a value is announced that is longer than it may be, before it is received: a client keeps
 * a reply until all of it is there, so that whoever can write to Redis could fill our memory with values of 512 MB.
 */
export function guardReplies(source: ReplySource, { maxValueBytes }: ReplyGuardOptions): void {
  let toSkip = 0;
  let line = '';

  /** True if the length or line at hand is more than may be. */
  const endLine = (): boolean => {
    const length = WITH_LENGTH.has(line[0] ?? '') ? Number(line.slice(1)) : -1;
    line = '';
    // Null is a length of -1; what is no number can't be skipped.
    if (length > maxValueBytes() || Number.isNaN(length)) return refuse(`a value of ${length} bytes`);
    toSkip = length < 0 ? 0 : length + CRLF_BYTES;
    return false;
  };
  const refuse = (what: string): true => {
    source.destroy(new Error(`Redis sent ${what}, more than ${maxValueBytes()} bytes`));
    return true;
  };
  source.on('data', (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (toSkip > 0) {
        const skipped = Math.min(toSkip, chunk.length - at);
        toSkip -= skipped;
        at += skipped;
        continue;
      }
      const end = chunk.indexOf(LINE_FEED, at);
      line += chunk.toString('latin1', at, end === -1 ? chunk.length : end);
      at = end === -1 ? chunk.length : end + 1;
      if (line.length > maxValueBytes() && refuse('a line without an end')) return;
      if (end !== -1 && endLine()) return;
    }
  });
}
