const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What each byte that is in no text does to the depth. */
const DEPTH_OF = new Int8Array(256);
for (const opening of '[{') DEPTH_OF[opening.charCodeAt(0)] = 1;
for (const closing of ']}') DEPTH_OF[closing.charCodeAt(0)] = -1;

/**
 * Follows how deep JSON nests, chunk by chunk. A parser takes some hundred bytes for each level before it finds out that
 * the text is no message.
 *
 * @returns For each chunk, true while it is no deeper than `maxDepth`.
 */
export function createDepthGauge(maxDepth: number): (chunk: Uint8Array) => boolean {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  return (chunk) => {
    for (const byte of chunk) {
      if (isEscaped) isEscaped = false;
      else if (isInString) {
        if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isInString = false;
      } else if (byte === QUOTE) isInString = true;
      else {
        depth += DEPTH_OF[byte] ?? 0;
        if (depth > maxDepth) return false;
      }
    }
    return true;
  };
}
