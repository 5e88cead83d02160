/** The span that a caller says its call is a part of. */
export interface RemoteSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const MAX_LENGTH = 256;
const SAMPLED = 1;
const HEX = 16;

/**
 * Parses `traceparent` (W3C Trace Context, section 3.2): undefined if it is none, as if it had not been sent. A later version
 * may have more behind the fields of this one.
 */
export function parseTraceparent(text: string | undefined): RemoteSpan | undefined {
  if (text === undefined || text.length > MAX_LENGTH) return undefined;
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, HEX) & SAMPLED) === SAMPLED };
}
