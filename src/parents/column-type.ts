/** A Postgres type that ids and names can have. */
export interface ColumnType {
  /** What an array of the type is cast to. */
  readonly arrayType: string;
  /**
   * True if the text is how Postgres itself writes a value of the type. Any other spelling is no row's id: it is absent
   * without asking, so that it can neither break the query nor be a second name for a row.
   */
  readonly isCanonical: (text: string) => boolean;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;

/** By the name in `pg_type`. Types that compare without case (citext) or pad (bpchar) are not here: one id, one row. */
export const COLUMN_TYPES: ReadonlyMap<string, ColumnType> = new Map<string, ColumnType>([
  ['text', { arrayType: 'text[]', isCanonical: isStorableText }],
  ['varchar', { arrayType: 'text[]', isCanonical: isStorableText }],
  ['uuid', { arrayType: 'uuid[]', isCanonical: (text) => UUID.test(text) }],
  ['int4', { arrayType: 'int4[]', isCanonical: (text) => INTEGER.test(text) && fits(text, 32) }],
  ['int8', { arrayType: 'int8[]', isCanonical: (text) => INTEGER.test(text) && fits(text, 64) }],
]);

/** Postgres stores neither NUL nor what is not Unicode: one such key would fail the query of all others. */
function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function fits(text: string, bits: number): boolean {
  return BigInt.asIntN(bits, BigInt(text)) === BigInt(text);
}
