/**
 * The same text in one piece of memory, for what is kept. V8 keeps a text that was put together as a tree of its parts,
 * and one that was cut out together with all that it was cut from; as the key of a cache either costs several times as much.
 *
 * @param text well-formed, or what is not becomes U+FFFD
 */
export function copyText(text: string): string {
  return Buffer.from(text).toString();
}
